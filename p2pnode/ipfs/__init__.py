"""Models to and from IPFS: the CID that IPFS would give a file, and files by CID from gateways and Kubo.

The network itself needs none of this: it names content by SHA-256. Nothing that comes from a gateway is
believed; each block is hashed before it is looked at.
"""

from p2pnode.ipfs.sources import Gateway, Kubo
from p2pnode.ipfs.transfer import export_file, import_file
from p2pnode.ipfs.unixfs import KUBO_V1, PROFILES, V0_2015, V1_2025, Profile, file_cid

__all__ = [
    "KUBO_V1",
    "PROFILES",
    "V0_2015",
    "V1_2025",
    "Gateway",
    "Kubo",
    "Profile",
    "export_file",
    "file_cid",
    "import_file",
]
