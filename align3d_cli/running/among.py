"""The parts of a call compared with each other: each is scored once, and no scan is held while another is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.clouds.settings import Background
from align3d_cli.errors import InputRejected
from align3d_cli.model.beside import Beside, Word
from align3d_cli.reference.among import FEWEST, among
from align3d_cli.reference.learning import Told
from align3d_cli.reference.order import Surveyed, surveyed
from align3d_cli.running.inputs import Part
from align3d_cli.running.model import Model
from align3d_cli.running.scored import FailedScan, attempt


@dataclass(slots=True)
class Comparing:
    """Parts on their way to be compared. read: gives the scan of one, again each time; words: of those scored so far"""

    read: Callable[[Part], PointCloud]
    model: Callable[[], Model]
    background: Background
    words: dict[str, Word] = field(default_factory=dict)

    def beside(self, parts: Sequence[Part]) -> dict[str, Beside]:
        """What the others say of each part, by its name; of parts that cannot be scored nothing.

        Raises InputRejected where too few can be compared, and for one that is there twice; what is wrong with the
        model is raised too.
        """
        tried = [attempt(part.name, partial(self._survey, part)) for part in parts]
        failed = [one for one in tried if isinstance(one, FailedScan)]
        chosen = [(part, one) for part, one in zip(parts, tried, strict=True) if not isinstance(one, FailedScan)]
        if len(chosen) < FEWEST:
            finding = f"{len(chosen)} of {len(parts)} parts can be compared, at least {FEWEST} are needed"
            finding += f" ({failed[0].name} cannot be scored)" if failed else ""
            raise InputRejected(f"--among: {finding}; name more parts, or good ones with --good")
        own = self.model().inspector.bundle.calibration
        found = among([one for _, one in chosen], lambda row: self._told(chosen[row][0]), own)
        return {part.name: one for (part, _), one in zip(chosen, found, strict=True) if one is not None}

    def _survey(self, part: Part) -> Surveyed:
        return surveyed(part.name, prepare(self.read(part), background=self.background).xyz)

    def _told(self, part: Part) -> Told | None:
        """A part, read anew and scored; None where that fails, which its own outcome tells in its turn."""
        found = attempt(part.name, partial(self._scored, part))
        return None if isinstance(found, FailedScan) else found

    def _scored(self, part: Part) -> Told:
        cloud = self.read(part)
        scan = prepare(cloud, background=self.background)
        self.words[part.name] = word = self.model().inspector.say(scan)
        return Told(part.name, cloud.sha256, scan, word.points, word.raw)
