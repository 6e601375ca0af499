"""`mammoqa explain`: what the network's scores of an image rest on."""

from pathlib import Path

import click


@click.command("explain")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--method", metavar="NAME", default="saliency", show_default=True, help="How to explain.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The PNG; beside the image by default.")
@click.option("--model", metavar="DIR", type=click.Path(path_type=Path), help="CDMAM: the folder of a network.")
@click.option(
    "--passes", metavar="N", type=click.IntRange(min=1), default=1, show_default=True, help="CDMAM: over all pixels."
)
@click.option(
    "--steps", metavar="L", type=click.IntRange(min=1), default=50, show_default=True, help="CDMAM: of each path."
)
def explain(file: Path, method: str, out: Path | None, model: Path | None, passes: int, steps: int) -> None:
    """Show what in an image the network's scores rest on.

    Methods: saliency (the size of the network's gradient by each pixel), smoothgrad (the same, averaged over noisy
    copies), occlusion (how far the answer moves when a part is covered).

    For the contrast-detail curve of a CDMAM: omig (Amanova et al. 2022), sensitivity, integrated-gradients, relevance;
    omig-evidence (where the evidence for a low curve lies); with --model also occlusion.
    """
    from mammoqa.explain import METHODS
    from mammoqa.explain.curves import CURVE_METHODS
    from mammoqa.jobs.explain import check_request, explain_file
    from mammoqa.jobs.explain_cdmam import EVIDENCE

    target = out or file.with_name(f"{file.stem}-{method}.png")
    of_curves = (*CURVE_METHODS, EVIDENCE)
    check_request(file, method, target, dict.fromkeys([*METHODS, *of_curves]))
    if method in of_curves and (method not in METHODS or model is not None):
        from mammoqa.jobs.explain_cdmam import explain_curve

        for note in explain_curve(file, method, target, model, passes, steps):
            click.echo(note, err=True)
    elif model is not None:
        raise click.UsageError(f"--model is for methods that explain a CDMAM: {', '.join(of_curves)}")
    else:
        explain_file(file, method, target)
    click.echo(str(target))
