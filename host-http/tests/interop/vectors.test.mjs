// The vectors that our client's encoding is held to come from Baileys itself: they are generated anew and compared.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generate as plaintexts } from '../../../whatsapp-core/testdata/message/plaintexts.mjs';
import { generate as messages } from '../../../whatsapp-core/testdata/message/generate.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

for (const [name, generate] of [
  ['vectors.json', messages],
  ['plaintexts.json', plaintexts],
]) {
  test(`${name} is what this Baileys makes`, async () => {
    const path = new URL(`../../../whatsapp-core/testdata/message/${name}`, import.meta.url);
    assert.deepEqual(JSON.parse(await readFile(path, 'utf8')), JSON.parse(JSON.stringify(await generate(here))));
  });
}
