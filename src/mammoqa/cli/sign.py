"""`mammoqa sign`: a person answers for a stored result."""

import click

from mammoqa.cli.stored import ID_MAX, opened


@click.command("sign")
@click.argument("analysis_id", metavar="ANALYSIS_ID", type=click.IntRange(1, ID_MAX))
@click.option("--by", "person", metavar="PERSON", required=True, help="Who signs.")
@click.option("--comment", metavar="TEXT", default="", help="What the person adds to the result.")
@click.option("--store", metavar="URL", help="The database: a URL, or the path of an SQLite file.")
def sign(analysis_id: int, person: str, comment: str, store: str | None) -> None:
    """Sign a stored result off.

    ANALYSIS_ID is its number, as `mammoqa db list` shows it. A signature is added and never changed or removed; the
    report shows it.
    """
    with opened(store) as database:
        signature = database.sign_off(analysis_id, person, comment=comment)
        line, newest = database.get(analysis_id), database.versions(analysis_id)[-1]
    click.echo(
        f"analysis {line.id} ({line.outcome.upper()}, {line.path}) "
        f"signed off by {signature.person} on {signature.at:%Y-%m-%d %H:%M} UTC"
    )
    if newest.id != line.id:
        click.echo(f"mammoqa: note: the image was analysed again since; its newest analysis is {newest.id}", err=True)
