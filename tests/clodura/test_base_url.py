"""The base URL: the key never travels in the clear, and never to a host that two parsers read differently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clodura_pipeline.clodura.client import UnsafeAddress, checked_base_url, is_loopback

SAFE = [
    ("https://api.clodura.ai", "https://api.clodura.ai"),
    (" https://api.clodura.ai/ ", "https://api.clodura.ai"),
    ("HTTPS://API.CLODURA.AI", "HTTPS://API.CLODURA.AI"),
    ("https://app.clodura.ai:8443/proxy/", "https://app.clodura.ai:8443/proxy"),
    ("http://127.0.0.1:8900", "http://127.0.0.1:8900"),
    ("http://127.9.9.9", "http://127.9.9.9"),
    ("http://localhost:1", "http://localhost:1"),
    ("http://LOCALHOST", "http://LOCALHOST"),
    ("http://[::1]:8900", "http://[::1]:8900"),
]


def test_safe_addresses_are_taken() -> None:
    assert [(given_url, checked_base_url(given_url)) for given_url, _ in SAFE] == SAFE


UNSAFE = [
    "", " ", "api.clodura.ai", "//api.clodura.ai", "ftp://api.clodura.ai", "https://", "https:///x", "http://",
    "http://api.clodura.ai", "http://192.168.0.1", "http://localhost.evil.example", "http://127.0.0.1.evil.example",
    "http://evil.example/127.0.0.1", "http://localhost@evil.example", "http://evil.example#localhost",
    "http://evil.example?localhost", "http://127.0.0.1\\@evil.example", "http://evil.example\\.localhost",
    "http://2130706433", "http://0x7f.1", "http://0.0.0.0", "http://[::]", "http://[::1", "http://::1]",
    "https://u:secret@api.clodura.ai", "https://u@api.clodura.ai", "https://api.clodura.ai?x=1",
    "https://api.clodura.ai?", "https://api.clodura.ai#", "https://api.clodura.ai#x", "https://api.clodura.ai:x",
    "https://api.clodura.ai:0", "https://api.clodura.ai:99999", "https://api.clo dura.ai", "https://api.clo\ndura.ai",
    "https://api.clo\tdura.ai", "https://api.clodura.ai/\x00", "https://\u0430pi.clodura.ai", "http://loc\u0430lhost",
]  # fmt: skip


def test_unsafe_addresses_are_refused_in_words_that_hold_no_secret() -> None:
    for url in UNSAFE:
        with pytest.raises(UnsafeAddress) as caught:
            pytest.fail(f"{url!r} was taken as {checked_base_url(url)!r}")
        assert "CLODURA_BASE_URL" in str(caught.value), url
        assert "secret" not in f"{caught.value!r}"


@given(st.text(alphabet="htps:/.@[]\\?#%127localhost.-_ \t\n\u0430", max_size=40) | st.text(max_size=30))
def test_no_text_raises_anything_else_and_plain_http_is_for_loopback_only(text: str) -> None:
    is_loopback(text)
    try:
        used = checked_base_url(text)
    except UnsafeAddress:
        return
    assert used.lower().startswith("https://") or is_loopback(used)
