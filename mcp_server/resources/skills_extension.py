"""The skills extension (SEP-2640): clients that know it load the skill with the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp.server import MCPServer
from mcp.server.extension import Extension, MethodBinding, ResourceBinding
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.server.mcpserver.resources import FunctionResource
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CacheableResult,
    PaginatedRequestParams,
    PaginatedResult,
    RequestParams,
    Resource,
)
from pydantic import BaseModel

from mcp_server.resources import skill_files as skill

_TTL_MS = 3_600_000
_SKILL = f"{skill.ROOT}/{skill.MANIFEST}"


class File(BaseModel):
    """One file of a skill, with what its content is verified by."""

    uri: str
    digest: str
    size: int


class Skill(BaseModel):
    """A skill: its frontmatter, and all of its files."""

    uri: str
    frontmatter: dict[str, Any]
    resources: tuple[File, ...]


class ListResult(PaginatedResult, CacheableResult):
    """Answer to ``skills/list``."""

    result_type: str = "complete"
    skills: tuple[Skill, ...]


class GetResult(CacheableResult):
    """Answer to ``skills/get``."""

    result_type: str = "complete"
    skill: Skill


class FolderResult(PaginatedResult):
    """Answer to ``resources/directory/read``."""

    result_type: str = "complete"
    resources: tuple[Resource, ...]


class ByUri(RequestParams):
    """A request that names a skill by the URI of its ``SKILL.md``."""

    uri: str


class FolderByUri(PaginatedRequestParams):
    """A request that names a folder."""

    uri: str


class Skills(Extension):
    """Announces the one skill that this server holds, and lists its folders."""

    identifier = "io.modelcontextprotocol/skills"

    def settings(self) -> dict[str, Any]:
        """Say that folders can be listed."""
        return {"directoryRead": True}

    def resources(self) -> Sequence[ResourceBinding]:
        """Return ``SKILL.md``; the other files are read by template, and not listed."""
        manifest = FunctionResource(
            uri=_SKILL,
            name=skill.frontmatter()["name"],
            title="The skill",
            description=skill.frontmatter()["description"],
            mime_type=skill.KINDS[".md"],
            fn=lambda: skill.text_of(skill.MANIFEST),
        )
        return [ResourceBinding(manifest)]

    def methods(self) -> Sequence[MethodBinding]:
        """Return the methods of the extension."""
        return [
            MethodBinding("skills/list", PaginatedRequestParams, _list),
            MethodBinding("skills/get", ByUri, _get),
            MethodBinding("resources/directory/read", FolderByUri, _read_folder),
        ]


def add_files(server: MCPServer) -> None:
    """Register the files of the skill as resources, one template a kind."""
    for suffix, kind in skill.KINDS.items():
        server.resource(
            f"{skill.ROOT}/{{+path}}{suffix}",
            name=f"skill_file{suffix.replace('.', '_')}",
            title=f"A {suffix} file of the skill",
            description=f"As {skill.ROOT}/{_example(suffix)}",
            mime_type=kind,
        )(_reader(suffix))


def _example(suffix: str) -> str:
    return next(path for path in skill.files() if path.endswith(suffix) and "/" in path)


def _reader(suffix: str) -> Any:
    def skill_file(path: str) -> str:
        try:
            return skill.text_of(path + suffix)
        except LookupError as error:
            raise ResourceNotFoundError(str(error.args[0])) from None

    return skill_file


def _entry() -> Skill:
    return Skill(
        uri=_SKILL,
        frontmatter=skill.frontmatter(),
        resources=tuple(
            File(uri=f"{skill.ROOT}/{path}", digest=skill.digest(path), size=len(content))
            for path, content in skill.files().items()
        ),
    )


async def _list(ctx: Any, params: PaginatedRequestParams) -> ListResult:
    return ListResult(skills=(_entry(),), ttl_ms=_TTL_MS, cache_scope="public")


async def _get(ctx: Any, params: ByUri) -> GetResult:
    if params.uri != _SKILL:
        raise MCPError(INVALID_PARAMS, f"no skill {params.uri}; this server holds {_SKILL}")
    return GetResult(skill=_entry(), ttl_ms=_TTL_MS, cache_scope="public")


async def _read_folder(ctx: Any, params: FolderByUri) -> FolderResult:
    try:
        found = skill.children(params.uri)
    except LookupError as error:
        raise MCPError(INVALID_PARAMS, str(error.args[0])) from None
    return FolderResult(
        resources=tuple(
            Resource(uri=f"{params.uri}/{name}", name=name, mime_type=kind)
            for name, kind in found.items()
        )
    )
