"""What the conformance suite expects a server to hold, beside the product's own tools.

Only for features that the product has: a server that never asks its client for anything needs no
tool that asks. Run as a module it serves them over HTTP on the port given, by the product's code.
"""

from __future__ import annotations

import base64
import struct
import sys
import zlib
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Message, UserMessage
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    EmbeddedResource,
    ImageContent,
    TextContent,
    TextResourceContents,
)

from mcp_server.service.checks import Checks
from mcp_server.transport.address import Address
from mcp_server.transport.http import http_server, serve


def png() -> bytes:
    """Return a picture of one red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff\0\0")
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def wav() -> bytes:
    """Return a sound of one silent sample."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    data = struct.pack("<4sIh", b"data", 2, 0)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data), b"WAVE") + form + data


def text(said: str) -> TextContent:
    return TextContent(type="text", text=said)


def image() -> ImageContent:
    return ImageContent(type="image", data=base64.b64encode(png()).decode(), mime_type="image/png")


def embedded(uri: str, said: str, mime_type: str = "text/plain") -> EmbeddedResource:
    contents = TextResourceContents(uri=uri, mime_type=mime_type, text=said)
    return EmbeddedResource(type="resource", resource=contents)


def add_tools(server: MCPServer) -> None:
    @server.tool(description="Answers with a text", structured_output=False)
    async def test_simple_text() -> TextContent:
        return text("This is a simple text response for testing.")

    @server.tool(description="Answers with an image", structured_output=False)
    async def test_image_content() -> ImageContent:
        return image()

    @server.tool(description="Answers with a sound", structured_output=False)
    async def test_audio_content() -> AudioContent:
        data = base64.b64encode(wav()).decode()
        return AudioContent(type="audio", data=data, mime_type="audio/wav")

    @server.tool(description="Answers with a resource", structured_output=False)
    async def test_embedded_resource() -> EmbeddedResource:
        return embedded("test://embedded-resource", "This is an embedded resource content.")

    @server.tool(description="Answers with several kinds of content", structured_output=False)
    async def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
        data = '{"test": "data", "value": 123}'
        resource = embedded("test://mixed-content-resource", data, "application/json")
        return [text("Multiple content types test:"), image(), resource]

    @server.tool(description="Fails", structured_output=False)
    async def test_error_handling() -> str:
        raise ToolError("This tool intentionally returns an error for testing")

    @server.tool(description="Tells progress", structured_output=False)
    async def test_tool_with_progress(ctx: Context[Any, Any]) -> str:
        for progress in (0, 50, 100):
            await ctx.report_progress(progress, 100)
        return "done"

    @server.tool(description="Needs a client that can sample", structured_output=False)
    async def test_missing_capability(ctx: Context[Any, Any]) -> str:
        able = ctx.client_capabilities
        if able is None or able.sampling is None:
            raise MCPError(
                MISSING_REQUIRED_CLIENT_CAPABILITY,
                "this tool needs sampling",
                {"requiredCapabilities": {"sampling": {}}},
            )
        return "the client can sample"


def add_resources(server: MCPServer) -> None:
    @server.resource("test://static-text", description="A text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", description="A picture", mime_type="image/png")
    def static_binary() -> bytes:
        return png()

    @server.resource(
        "test://template/{id}/data", description="A template", mime_type="application/json"
    )
    def template(id: str) -> dict[str, Any]:
        return {"id": id, "templateTest": True, "data": f"Data for ID: {id}"}


def add_prompts(server: MCPServer) -> None:
    @server.prompt(description="A simple prompt")
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description="A prompt with arguments")
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(description="A prompt with a resource")
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:
        resource = embedded(resourceUri, "Embedded resource content for testing.")
        return [UserMessage(resource), UserMessage("Please process the embedded resource above.")]

    @server.prompt(description="A prompt with a picture")
    def test_prompt_with_image() -> list[Message]:
        return [UserMessage(image()), UserMessage("Please analyze the image above.")]


def main() -> None:
    address = Address("127.0.0.1", int(sys.argv[1]))
    with Checks() as checks:
        server = http_server(checks, address)
        for add in (add_tools, add_resources, add_prompts):
            add(server)
        serve(server, address, grace=1)


if __name__ == "__main__":
    main()
