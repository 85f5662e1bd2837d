"""One digest of all records that an owner is responsible for, kept up as records change (R13).

The digest of a set of records is the sum, modulo 2**128, of a 128-bit BLAKE2b hash of each record's key and
checksum: AdHash of Bellare and Micciancio ("A New Paradigm for Collision-Free Hashing", 1997), called
MSet-Add-Hash by Clarke et al. (2003). A sum is blind to order and can be kept up by one subtraction and one
addition for each change. Hashes of different records are as good as independent and uniform, so two different
sets have the same sum by accident with probability 2**-128: a cluster that compared a million digests a
second would be wrong once in 10**25 years. (Xor would do as well for sets, but two equal mistakes cancel out
in it and not in a sum.) It is no defence against one who chooses records to collide (Wagner, "A Generalized
Birthday Problem", 2002), nor need it be: checksums are md5 as in the original, and only members are believed.

Invariant: the sums are those of exactly the records that were told by `replace`, in a ring of that size.
"""

from collections.abc import Iterable
from hashlib import blake2b

from nodecore.core.ring import distro_hash

HASH_BYTES = 16
_MODULUS = 1 << 8 * HASH_BYTES


class Digests:
    """The sum of each place in the ring.

    Which services a place is responsible for depends on the ring's size alone (R9), not on who stands there.
    """

    def __init__(self) -> None:
        self._sums = [0]

    @property
    def ring_size(self) -> int:
        """How many places the ring has whose sums these are."""
        return len(self._sums)

    def at(self, place: int) -> str:
        """Return the digest of all records of one place, as hex."""
        return format(self._sums[place], f"0{2 * HASH_BYTES}x")

    def replace(self, service: str, key: str, before: str | None, after: str | None) -> None:
        """The record of a key has another checksum now; None: there was, or is, no record."""
        place = distro_hash(service) % len(self._sums)
        change = _hash(key, after) - _hash(key, before)
        self._sums[place] = (self._sums[place] + change) % _MODULUS

    def restart(self, ring_size: int, records: Iterable[tuple[str, str, str]]) -> None:
        """The ring has another size: sum up all records anew, each a service, a key and a checksum."""
        self._sums = [0] * ring_size
        for service, key, checksum in records:
            self.replace(service, key, None, checksum)


def _hash(key: str, checksum: str | None) -> int:
    if checksum is None:
        return 0
    text = f"{checksum} {key}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=HASH_BYTES).digest(), "big")
