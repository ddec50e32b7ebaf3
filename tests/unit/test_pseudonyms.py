from lakelab.pseudonyms import pseudonym


def test_a_pseudonym_is_the_hmac_of_the_decimal_number():
    # Computed with `printf 822491 | openssl dgst -sha256 -mac HMAC -macopt hexkey:0b0b…0b` (20 bytes).
    assert pseudonym("0b" * 20, 822491) == "1a0dfe072b53cf60540b678b1117140395354e87a20f0db7e1c8250d998cc183"


def test_another_key_gives_another_pseudonym():
    assert pseudonym("00" * 16, 1) != pseudonym("01" * 16, 1)
