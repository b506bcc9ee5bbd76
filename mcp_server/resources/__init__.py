"""What a client can read: documents, prompts, the skill."""
