"""Where weights come from: which address is meant, and which cannot be."""

import pytest

from align3d_cli.encoders.sources import source_of
from align3d_cli.errors import UsageError

DIGEST = "0123456789abcdef" * 4
OPENAI = {"url": f"https://openaipublic.azureedge.net/clip/models/{DIGEST}/ViT-L-14-336px.pt", "hf_hub": "timm/vit/"}


def test_sources_of_a_model():
    """OpenAI's address and hash come first; the hub, another address and a hash of one's own can be asked for."""
    own = source_of("ViT-L-14-336", "openai", OPENAI)
    assert (own.url, own.sha256, own.trust, own.filename) == (
        OPENAI["url"],
        DIGEST,
        "published",
        "ViT-L-14-336.openai.pt",
    )
    hub = source_of("ViT-L-14-336", "openai", OPENAI, hub=True, revision="a" * 40)
    assert hub.url.endswith(f"/timm/vit/resolve/{'a' * 40}/open_clip_model.safetensors") and hub.trust == "first use"
    mirror = source_of("ViT-L-14-336", "openai", OPENAI, url="http://mirror.example/x.pt")
    assert mirror.sha256 == DIGEST, "the published hash holds wherever the file comes from"
    given = source_of("ViT-L-14-336", "openai", OPENAI, sha256="A" * 64)
    assert (given.sha256, given.trust) == ("a" * 64, "given")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://host/x.pt", "//host/x.pt", "x.pt", "http://[::1/x.pt", "http://host:port/x.pt",
     "http://ho st/x.pt", "http://mirror.example/x.pt", "https://host/x.zip", "https:///x.pt"],
)  # fmt: skip
def test_addresses_that_cannot_be_meant(url):
    """Other schemes, broken addresses, unencrypted ones without a hash and other files are usage errors."""
    with pytest.raises(UsageError):
        source_of("ViT-B-32", "laion", {}, url=url)
