"""`mammoqa explain`: what the network's scores of an image rest on."""

from pathlib import Path

import click


@click.command("explain")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--method", metavar="NAME", default="saliency", show_default=True, help="How to explain.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The PNG; beside the image by default.")
def explain(file: Path, method: str, out: Path | None) -> None:
    """Show what in an image the network's scores rest on.

    Methods: saliency (the size of the network's gradient by each pixel), smoothgrad (the same, averaged over noisy
    copies), occlusion (how far the answer moves when a part is covered).
    """
    from mammoqa.jobs.explain import explain_file

    target = out or file.with_name(f"{file.stem}-{method}.png")
    explain_file(file, method, target)
    click.echo(str(target))
