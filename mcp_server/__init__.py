"""The MCP server of pytest-autograd: verify hand-written gradients, look up rules, read the skill."""
