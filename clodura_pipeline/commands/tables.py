"""`clodura-pipeline tables`: the data dictionary of the published file, from the same source as its comments."""

import json

import click


@click.command()
@click.option("--format", "form", type=click.Choice(["md", "dbt", "json"]), default="md", help="Default: md.")
def tables(form: str) -> None:
    """Print the tables, views and columns of the published file: Markdown, a dbt sources.yml, or JSON."""
    from clodura_pipeline.warehouse.published.views import VIEWS
    from clodura_pipeline.warehouse.tables import PUBLISHED

    described = [
        {
            "name": table.name,
            "description": table.meaning,
            "columns": [
                {"name": column.name, "data_type": column.type, "description": column.meaning}
                for column in table.columns
            ],
        }
        for table in PUBLISHED
    ] + [{"name": view.name, "description": view.meaning, "columns": []} for view in VIEWS]
    if form == "json":
        click.echo(json.dumps(described, indent=2))
    elif form == "dbt":
        # JSON is YAML: dbt reads this file as it is.
        source = {"name": "clodura", "schema": "main", "tables": described}
        click.echo(json.dumps({"version": 2, "sources": [source]}, indent=2))
    else:
        for table in described:
            click.echo(f"## {table['name']}\n\n{table['description']}\n")
            if table["columns"]:
                click.echo("| column | type | |\n|---|---|---|")
            for column in table["columns"]:
                click.echo("| `{name}` | {data_type} | {description} |".format(**column))
            click.echo()
