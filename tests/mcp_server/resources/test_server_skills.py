"""The skills extension (SEP-2640), seen by a client that knows it and by one that does not."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, Request, TextResourceContents
from skills_ref import read_properties

from mcp_server.resources.skills_extension import (
    ByUri,
    FolderByUri,
    FolderResult,
    GetResult,
    ListResult,
)
from mcp_server.server import create_server
from mcp_server.service.checks import Checks
from pytest_autograd.skill.sections import skill_folder

ROOT = "skill://custom-autograd-functions"
EXTENSION = "io.modelcontextprotocol/skills"


def connected(mode: str = "auto") -> Client:
    return Client(create_server(Checks()), mode=mode)


async def ask(client: Client, method: str, params: Any, kind: type[Any]) -> Any:
    return await client.session.send_request(Request(method=method, params=params), kind)


async def text_of(client: Client, uri: str) -> str:
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return content.text


async def test_the_one_skill_is_listed_with_every_file_and_what_it_holds() -> None:
    async with connected() as client:
        assert client.server_capabilities.extensions == {EXTENSION: {"directoryRead": True}}
        listed = await ask(client, "skills/list", None, ListResult)
        (skill,) = listed.skills
        assert listed.ttl_ms > 0
        folder = skill_folder()
        files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
        assert {file.uri for file in skill.resources} == {
            f"{ROOT}/{path.relative_to(folder).as_posix()}" for path in files
        }
        for file in skill.resources:
            content = (await text_of(client, file.uri)).encode()
            assert (len(content), f"sha256:{hashlib.sha256(content).hexdigest()}") == (
                file.size,
                file.digest,
            )
        got = await ask(client, "skills/get", ByUri(uri=skill.uri), GetResult)
        assert got.skill == skill


async def test_its_frontmatter_is_what_another_reader_of_skills_reads() -> None:
    async with connected() as client:
        (skill,) = (await ask(client, "skills/list", None, ListResult)).skills
        read = read_properties(skill_folder()).to_dict()
        assert skill.frontmatter == read
        (listed,) = [r for r in (await client.list_resources()).resources if r.uri == skill.uri]
        assert (listed.name, listed.description) == (read["name"], read["description"])


async def test_folders_are_listed_level_by_level() -> None:
    async with connected() as client:

        async def children(uri: str) -> dict[str, str | None]:
            result = await ask(
                client, "resources/directory/read", FolderByUri(uri=uri), FolderResult
            )
            assert all(child.uri == f"{uri}/{child.name}" for child in result.resources)
            return {child.name: child.mime_type for child in result.resources}

        assert await children(ROOT) == {
            "SKILL.md": "text/markdown",
            "rules.md": "text/markdown",
            "references": "inode/directory",
            "examples": "inode/directory",
        }
        examples = await children(f"{ROOT}/examples")
        assert set(examples.values()) == {"text/x-python"}
        assert set(examples) == {path.name for path in skill_folder().glob("examples/*.py")}


@pytest.mark.parametrize(
    ("method", "uri", "sentence"),
    [
        ("skills/get", "skill://another/SKILL.md", "no skill skill://another/SKILL.md"),
        ("resources/directory/read", f"{ROOT}/SKILL.md", "is not a folder of the skill"),
        ("resources/directory/read", f"{ROOT}/examples/", "is not a folder of the skill"),
        ("resources/directory/read", "skill://another", "is not a folder of the skill"),
    ],
)
async def test_what_is_not_there_is_refused(method: str, uri: str, sentence: str) -> None:
    async with connected() as client:
        with pytest.raises(MCPError, match=sentence) as raised:
            await ask(client, method, ByUri(uri=uri), GetResult)
        assert raised.value.error.code == INVALID_PARAMS


@pytest.mark.parametrize("path", ["examples/none.py", "../pyproject.md", "references/%2e%2e/x.md"])
async def test_a_file_that_is_not_the_skills_cannot_be_read(path: str) -> None:
    async with connected() as client:
        with pytest.raises(MCPError) as raised:
            await text_of(client, f"{ROOT}/{path}")
        assert raised.value.error.code == INVALID_PARAMS


async def test_a_client_of_the_handshake_reads_the_same_files() -> None:
    async with connected() as client, connected("legacy") as old:
        assert await text_of(old, f"{ROOT}/SKILL.md") == await text_of(client, f"{ROOT}/SKILL.md")


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("implement", {}, "no prompt 'implement'; there are implement_function, "),
        ("implement_function", {}, "implement_function needs the argument task"),
        ("implement_function", {"task": "x", "tsk": "y"}, "implement_function takes task, not tsk"),
    ],
)
async def test_a_prompt_that_cannot_be_had_says_why(
    name: str, arguments: dict[str, str], sentence: str
) -> None:
    async with connected() as client:
        with pytest.raises(MCPError, match=sentence) as raised:
            await client.get_prompt(name, arguments)
        assert raised.value.error.code == INVALID_PARAMS
