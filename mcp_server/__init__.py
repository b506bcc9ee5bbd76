"""The MCP server: verify hand-written gradients, look up rules, read the skill."""
