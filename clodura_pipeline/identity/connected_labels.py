"""Connected components over a table of links, in SQL: one label for all nodes that are linked to each other."""

import duckdb


def connect_labels(connection: duckdb.DuckDBPyConnection, links: str, labels: str) -> None:
    """Fill a temporary table `labels` (node, label): the label of a component is its smallest node.

    Args:
        links: a table with columns `a` and `b`; links are taken both ways.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {labels} AS "
        f"SELECT node, min(label) AS label FROM (SELECT a AS node, least(a, b) AS label FROM {links} "
        f"UNION ALL SELECT b, least(a, b) FROM {links}) GROUP BY node"
    )
    if not connection.execute(f"SELECT count(*) FROM {labels}").fetchall()[0][0]:
        return
    while True:
        # Each round hands the smallest label seen one link further, and jumps to the label of the label.
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE next_labels AS "
            f"SELECT n.node, min(least(n.label, m.label, coalesce(j.label, n.label))) AS label FROM {labels} n "
            f"JOIN (SELECT a, b FROM {links} UNION ALL SELECT b, a FROM {links}) l ON l.a = n.node "
            f"JOIN {labels} m ON m.node = l.b LEFT JOIN {labels} j ON j.node = n.label GROUP BY n.node"
        )
        changed = connection.execute(
            f"SELECT count(*) FROM next_labels n JOIN {labels} o USING (node) WHERE n.label <> o.label"
        ).fetchall()[0][0]
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {labels} AS SELECT * FROM next_labels")
        connection.execute("DROP TABLE next_labels")
        if not changed:
            return
