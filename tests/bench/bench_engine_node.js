// The Rust crate's side of bench_engine: reads "m t p seconds" lines, hashes
// one after another on this thread for so long, answers hashes per second.
'use strict';

const { hashRawSync } = require('@node-rs/argon2');
const readline = require('node:readline');

const password = 'correct horse battery staple';
const salt = Buffer.from('sixteen byte sal');

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const [memoryCost, timeCost, parallelism, seconds] = line.split(' ').map(Number);
  const options = { memoryCost, timeCost, parallelism, salt, algorithm: 2, outputLen: 32 };
  hashRawSync(password, options);
  const from = process.hrtime.bigint();
  let elapsed = 0;
  let count = 0;
  while (elapsed < seconds) {
    hashRawSync(password, options);
    count += 1;
    elapsed = Number(process.hrtime.bigint() - from) / 1e9;
  }
  process.stdout.write(`${count / elapsed}\n`);
});
process.stdout.write('ready\n');
