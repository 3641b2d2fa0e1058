"""`CloduraEnrichmentComponent`: the whole graph for any Dagster project."""

from typing import Annotated, Any

import dagster as dg
from pydantic import create_model

from clodura_pipeline.graph.build import build_definitions
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.resources import config_type
from clodura_pipeline.settings import API_KEY, Settings, load_settings, variable_of

_NAMES = "before the key of every asset; ends the names of jobs, schedules, sensors and resources"


def _attribute(kind: Any, description: str, example: Any, default: Any = None) -> tuple[Any, Any]:
    return Annotated[kind, dg.Resolver.default(description=description, examples=[example])], default


def _setting_attribute(name: str) -> tuple[Any, Any]:
    kind, default = config_type(name)
    description = f"{Settings.model_fields[name].description}; left out: {variable_of(name)}, else {default!r}"
    return _attribute(kind | None, description, default)


_ATTRIBUTES: dict[str, Any] = {
    "api_key_env": _attribute(str, "environment variable that holds Clodura's API key", API_KEY, API_KEY),
    **{name: _setting_attribute(name) for name in Settings.model_fields if name != "api_key"},
    "key_prefix": _attribute(str | list[str] | None, _NAMES, "team_a"),
    "group_name": _attribute(str | None, "one group for all assets, instead of three", "enrichment"),
    "tags": _attribute(dict[str, str] | None, "tags of all assets and jobs", {"team": "growth"}),
    "owners": _attribute(list[str] | None, "owners of all assets", ["team:growth"]),
    "jobs": _attribute(bool, "false: without jobs, and so without schedules and sensors", True, True),
    "schedules": _attribute(bool, "false: without schedules", True, True),
    "sensors": _attribute(bool, "false: without sensors", True, True),
}


class _ResolvableModel(dg.Resolvable, dg.Model):
    pass


_Attributes: Any = create_model("_Attributes", __base__=_ResolvableModel, **_ATTRIBUTES)


class CloduraEnrichmentComponent(dg.Component, _Attributes):
    """Enriches contact files through Clodura: never pays twice, loses no answer, explains every credit.

    Every attribute may be left out: it then comes from the environment or `.env`, else it has its default. Relative
    paths start from the project's root. Several instances in one project need different `key_prefix`, `state_dir` and
    `database`.
    """

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Assets, checks, resources, jobs, schedules and sensors of this instance."""
        given = {name: getattr(self, name) for name in Settings.model_fields if name != "api_key"}
        prefix = self.key_prefix
        instance = GraphInstance(
            settings=load_settings(root=context.project_root, **given),
            key_prefix=tuple([prefix] if isinstance(prefix, str) else prefix or ()),
            group_name=self.group_name,
            tags=self.tags or {},
            owners=self.owners or (),
            api_key_env=self.api_key_env,
        )
        return build_definitions(instance, self.jobs, self.schedules, self.sensors)
