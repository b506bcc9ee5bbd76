"""The server against the official conformance suite, inspector and TypeScript clients."""
