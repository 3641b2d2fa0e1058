"""`clodura-pipeline tables`: the data dictionary of the published file, from the same source as its comments."""

import json

import click
import yaml

from clodura_pipeline.warehouse.published.dictionary import dictionary


@click.command()
@click.option("--format", "form", type=click.Choice(["md", "dbt", "json"]), default="md", help="Default: md.")
def tables(form: str) -> None:
    """Print the data dictionary of the published file.

    Its tables, views and columns, as Markdown, a dbt sources.yml, or JSON.
    """
    described = [
        {
            "name": table.name,
            "description": table.meaning,
            "columns": [
                {"name": column.name, "data_type": column.type, "description": column.meaning}
                for column in table.columns
            ],
        }
        for table in dictionary()
    ]
    if form == "json":
        click.echo(json.dumps(described, indent=2))
    elif form == "dbt":
        # The database is the alias that the README's dbt profile attaches the file under.
        source = {"name": "clodura", "database": "clodura", "schema": "main", "tables": described}
        click.echo(yaml.safe_dump({"version": 2, "sources": [source]}, sort_keys=False, width=120), nl=False)
    else:
        for table in described:
            click.echo(f"## {table['name']}\n\n{table['description']}\n\n| column | type | |\n|---|---|---|")
            for column in table["columns"]:
                click.echo("| `{name}` | {data_type} | {description} |".format(**column))
            click.echo()
