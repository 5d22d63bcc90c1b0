// XEdDSA verification that shares nothing with the project: the public specification on somebody else's Ed25519.
//
// A Montgomery key u is the birational image of an Edwards y = (u - 1) / (u + 1). The sign of its x travels in the
// top bit of the signature's last byte, which a scalar never uses. With both, it is a plain Ed25519 signature.
import { ed25519 } from '@noble/curves/ed25519.js';

const { Fp } = ed25519.Point;

/** The Edwards form of a Montgomery key. */
export function edwards(montgomery, sign) {
  const u = Fp.create(littleEndian(montgomery) & ((1n << 255n) - 1n));
  const y = Fp.div(Fp.sub(u, Fp.ONE), Fp.add(u, Fp.ONE));
  const bytes = new Uint8Array(32);
  let rest = y;
  for (let at = 0; at < 32; at += 1, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  bytes[31] |= sign << 7;
  return bytes;
}

/**
 * Does `signature` (64 bytes) over the concatenated `parts` belong to the Montgomery key (32 bytes, or 33 with the
 * type byte 5 in front)?
 */
export function verify(key, parts, signature) {
  const montgomery = key.length === 33 && key[0] === 5 ? key.subarray(1) : key;
  if (montgomery.length !== 32 || signature.length !== 64) return false;
  const plain = Uint8Array.from(signature);
  const sign = plain[63] >> 7;
  plain[63] &= 0x7f;
  try {
    return ed25519.verify(plain, Buffer.concat(parts.map((part) => Buffer.from(part))), edwards(montgomery, sign));
  } catch {
    return false;
  }
}

function littleEndian(bytes) {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}
