"""What is declared for a whole run: in the project at rootdir, and by the settings of the run."""

from __future__ import annotations

from pytest_autograd.declarations.layer import layer_of
from pytest_autograd.declarations.project import Project, nearest_project
from pytest_autograd.plugin.settings import Settings


def project_of(settings: Settings) -> Project:
    """Return the project of a run; tests may be in other folders by the time that they are verified.

    Raises:
        CheckError: a declaration is wrong; the message names its place.
    """
    layer = layer_of("autograd_ignore", {"ignore": settings.ignore}, watched=False)
    return nearest_project(settings.root).under(settings.options, layer.ignores)
