"""The folder of disputes: one folder each, whole or not there, the oldest out when the quota is reached."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from edge.counting.dispute import Dispute
from edge.link.capture import CaptureInfo, CaptureWriter
from station.errors import RecordingError
from station.program.process import whole_folder

QUOTA_BYTES = 256 << 20
LEAST_FREE_BYTES = 128 << 20  # what is counted needs the disk first
DISPUTE = "dispute.json"


class DisputeStore:
    """Where disputes are kept. Raises OSError where the disk refuses.

    Parameters
    ----------
    folder : made when the first is put into it, for its owner alone
    quota_bytes : of all together
    """

    def __init__(self, folder: Path, quota_bytes: int = QUOTA_BYTES) -> None:
        self._folder = folder
        self._quota_bytes = quota_bytes

    def put(self, dispute: Dispute, captures: Sequence[tuple[CaptureInfo, bytes]]) -> None:
        """Store a dispute, replacing one of the same name."""
        import shutil  # noqa: PLC0415 - seldom needed, and slow to import

        size = sum(len(records) for _, records in captures)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if size > self._quota_bytes or shutil.disk_usage(self._folder).free < LEAST_FREE_BYTES + size:
            raise OSError(None, "the disk or the quota has no room for it")
        where = self._folder / dispute.name
        try:
            with whole_folder(where) as draft:
                for number, (info, records) in enumerate(captures):
                    with CaptureWriter(draft / f"port-{number}.plc", info) as writer:
                        writer.write_records(records)
                (draft / DISPUTE).write_bytes(msgspec.json.format(msgspec.json.encode(dispute)))
                shutil.rmtree(where, ignore_errors=True)
        except RecordingError as error:
            raise OSError(None, str(error)) from error
        self._let_go(keep=where)

    def _let_go(self, keep: Path) -> None:
        """Remove the oldest until the rest is within the quota."""
        import shutil  # noqa: PLC0415

        kept = [path for path in self._folder.iterdir() if not path.name.startswith(".")]
        kept.sort(key=lambda path: (path == keep, path.lstat().st_mtime_ns, path.name))
        sizes = {path: sum(one.lstat().st_size for one in path.iterdir()) for path in kept if path.is_dir()}
        total = sum(sizes.values())
        for path in kept:
            if total <= self._quota_bytes or path == keep:
                return
            total -= sizes.get(path, 0)
            shutil.rmtree(path, ignore_errors=True)
