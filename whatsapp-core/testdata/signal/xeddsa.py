"""Makes xeddsa.json: XEdDSA from its public specification in plain integers, with the convention of the deployed protocol
(the private scalar is not negated; the sign of the public point goes into the top bit of the signature).
Each signature is also checked as an Ed25519 signature by OpenSSL, through the `cryptography` package when it is there."""
import hashlib, json, random

p, q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
d = -121665 * pow(121666, -1, p) % p
BY = 4 * pow(5, -1, p) % p


def x_of(y, sign):
    square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
    x = pow(square, (p + 3) // 8, p)
    if x * x % p != square:
        x = x * pow(2, (p - 1) // 4, p) % p
    assert x * x % p == square
    return x if x & 1 == sign else p - x


B = (x_of(BY, 0), BY)


def add(a, b):
    k = d * a[0] * b[0] * a[1] * b[1] % p
    return ((a[0] * b[1] + b[0] * a[1]) * pow(1 + k, -1, p) % p, (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, -1, p) % p)


def times(n, point):
    result = (0, 1)
    while n:
        if n & 1:
            result = add(result, point)
        point, n = add(point, point), n >> 1
    return result


def encode(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def number(data):
    return int.from_bytes(data, "little")


def sign(private, message, random64):
    point = times(private, B)
    encoded = encode(point)
    prefix = (2**256 - 2).to_bytes(32, "little")
    r = number(hashlib.sha512(prefix + private.to_bytes(32, "little") + message + random64).digest()) % q
    R = encode(times(r, B))
    h = number(hashlib.sha512(R + encoded + message).digest()) % q
    s = (r + h * private) % q
    check(encoded, message, R + s.to_bytes(32, "little"))
    signature = bytearray(R + s.to_bytes(32, "little"))
    signature[63] |= encoded[31] & 0x80
    montgomery = (1 + point[1]) * pow(1 - point[1], -1, p) % p
    return montgomery.to_bytes(32, "little"), bytes(signature)


def check(edwards, message, signature):
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return
    Ed25519PublicKey.from_public_bytes(edwards).verify(signature, message)


source = random.Random(20)
cases = []
for length in (0, 1, 33, 64, 200, 5, 6, 7, 8, 300):
    private = bytearray(source.randbytes(32))
    private[0] &= 248
    private[31] = private[31] & 127 | 64
    message, random64 = source.randbytes(length), source.randbytes(64)
    public, signature = sign(number(private), message, random64)
    cases.append({"private": private.hex(), "public": public.hex(), "message": message.hex(), "random": random64.hex(), "signature": signature.hex()})
json.dump(cases, open("xeddsa.json", "w"), indent=1)
