"""Trains a network on all 60,000 images of MNIST, tests it, saves it, loads it again, and says where the time went.

    make demo

What it is not: a benchmark.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import shapewright as sw
from shapewright import Int, IntTuple, IntVar, Tensor, data, files, nn, optim

FOLDER = Path(__file__).parent / "data" / "mnist"
EPOCHS = 8
BATCH = 200
TOP_RATE = 3e-3


class Mlp[I: IntVar, H: IntVar, O: IntVar](nn.Module):
    """One hidden layer; any leading axes."""

    def __init__(self, inputs: Int[I], hidden: Int[H], outputs: Int[O]) -> None:
        self.up = nn.Linear(inputs, hidden)
        self.down = nn.Linear(hidden, outputs)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, O]]:
        return self.down(self.up(x).relu())


class Stopwatch:
    """Adds up the seconds of each kind of work."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, work: str) -> Generator[None]:
        start = time.perf_counter()
        yield
        self.seconds[work] += time.perf_counter() - start

    def each[Item](self, work: str, items: Iterable[Item]) -> Iterator[Item]:
        """Go through some items, and count what it takes to get each."""
        iterator = iter(items)
        while True:
            with self(work):
                item = next(iterator, None)
            if item is None:
                return
            yield item

    def table(self) -> Table:
        """Where the time went."""
        total = sum(self.seconds.values())
        table = Table("work", "seconds", "share", title="Where the time went")
        for column in table.columns[1:]:
            column.justify = "right"
        for work, seconds in self.seconds.items():
            table.add_row(work, f"{seconds:.2f}", f"{seconds / total:.0%}")
        table.add_section()
        table.add_row("in all", f"{total:.2f}", "100%")
        return table


def prepared[B: IntVar](images: Tensor[[B, 28, 28], sw.u8]) -> Tensor[[B, 784]]:
    """Pixels as numbers from 0 to 1, one row for each image."""
    b, h, w = images.shape
    return images.reshape((b, h * w)).to(sw.f32) / 255.0


def accuracy(model: Mlp[784, 512, 10], test: data.Images[10000, 28, 28]) -> float:
    """The share of test images that get their right label."""
    guesses = model(prepared(test.images)).argmax(axis=-1)
    return (guesses == test.labels).to(sw.f32).mean().item()


def main() -> None:
    """Train, test, save, load."""
    console = Console()
    clock = Stopwatch()
    sw.seed(0)

    with clock("reading MNIST"):
        train, test = data.mnist(FOLDER)
    model = Mlp(784, 512, 10)
    adam = optim.Adam(model, lr=TOP_RATE)
    batches = data.Batches(train.images, train.labels, size=BATCH, shuffle=sw.Key(0))
    console.print(f"{model}\n{adam}\n{batches}", markup=False, soft_wrap=True)

    @sw.compile
    def step(images: Tensor[[200, 28, 28], sw.u8], labels: Tensor[[200], sw.i64]) -> Tensor[[]]:
        loss = nn.cross_entropy(model(prepared(images).trace()), labels)
        adam.update(loss.backward())
        return loss

    columns = (
        TextColumn("epoch {task.fields[epoch]} of {task.fields[epochs]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}   {task.fields[speed]:,.0f} images/s"),
        TimeElapsedColumn(),
    )
    begin = time.perf_counter()
    steps = EPOCHS * len(batches)
    done = 0
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=steps, epoch=1, epochs=EPOCHS, loss=float("nan"), speed=0.0)
        mean = 0.0
        for epoch in range(1, EPOCHS + 1):
            for images, labels in clock.each("putting batches together", batches):
                adam.lr = TOP_RATE * (1.0 - done / steps)
                with clock("training steps" if done else "compiling the step"):
                    loss = step(images, labels).item()
                done += 1
                mean = loss if done == 1 else 0.98 * mean + 0.02 * loss
                if done % 25 == 0 or done == steps:
                    speed = done * BATCH / (time.perf_counter() - begin)
                    progress.update(bar, completed=done, epoch=epoch, loss=mean, speed=speed)
    trained = time.perf_counter() - begin

    with clock("testing"):
        reached = accuracy(model, test)
    console.print(f"test accuracy [bold]{reached:.2%}[/bold] after {trained:.1f} s of training")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mnist.safetensors"
        with clock("saving and loading"):
            files.save(model, path)
            again = Mlp(784, 512, 10)
            files.load(again, path)
        same = all((p == q).all().item() for p, q in zip(model.parameters(), again.parameters(), strict=True))
        size = path.stat().st_size
    console.print(f"saved {size:,} bytes and loaded them again: {'equal' if same else 'NOT equal'}")
    console.print(clock.table())
    if not same or reached < 0.98:
        raise SystemExit("the demo did not reach 98 %, or did not load what it saved")


if __name__ == "__main__":
    main()
