// The verifier of this suite must itself be able to say no.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Curve } from 'baileys';
import { verify } from './support/xeddsa.mjs';

function flipped(bytes, bit) {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] ^= 1 << (bit & 7);
  return copy;
}

test('signatures of another implementation verify, with either sign of the key', () => {
  const signs = new Set();
  for (let round = 0; round < 24; round += 1) {
    const pair = Curve.generateKeyPair();
    const message = randomBytes(1 + round * 7);
    const signature = Curve.sign(pair.private, message);
    assert.ok(verify(pair.public, [message], signature), `round ${round}`);
    signs.add(signature[63] >> 7);
  }
  assert.deepEqual([...signs].sort(), [0, 1], 'both signs were seen');
});

test('one flipped bit anywhere is refused', () => {
  const pair = Curve.generateKeyPair();
  const message = randomBytes(48);
  const signature = Curve.sign(pair.private, message);
  assert.ok(verify(pair.public, [message], signature));
  for (let bit = 0; bit < 512; bit += 1) {
    assert.ok(!verify(pair.public, [message], flipped(signature, bit)), `bit ${bit} of the signature`);
  }
  for (let bit = 0; bit < message.length * 8; bit += 5) {
    assert.ok(!verify(pair.public, [flipped(message, bit)], signature), `bit ${bit} of the message`);
  }
  // The top bit of a Montgomery key carries nothing.
  for (let bit = 0; bit < 255; bit += 3) {
    assert.ok(!verify(flipped(pair.public, bit), [message], signature), `bit ${bit} of the key`);
  }
});

test('a signature of another key, or of the wrong length, is refused', () => {
  const [one, other] = [Curve.generateKeyPair(), Curve.generateKeyPair()];
  const message = randomBytes(32);
  const signature = Curve.sign(one.private, message);
  assert.ok(!verify(other.public, [message], signature));
  assert.ok(!verify(one.public, [message], signature.subarray(0, 63)));
  assert.ok(!verify(one.public, [message], Buffer.alloc(64)));
});
