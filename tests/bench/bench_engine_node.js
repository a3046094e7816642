// The Rust crate's side of bench_engine: reads "m t p seconds clock" lines,
// hashes one after another on this thread for so long by that clock (wall or
// cpu), answers hashes per second.
'use strict';

const { hashRawSync } = require('@node-rs/argon2');
const readline = require('node:readline');

const password = 'correct horse battery staple';
const salt = Buffer.from('sixteen byte sal');

function now(clock) {
  if (clock === 'wall') return Number(process.hrtime.bigint()) / 1e9;
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const words = line.split(' ');
  const [memoryCost, timeCost, parallelism, seconds] = words.map(Number);
  const clock = words[4];
  const options = { memoryCost, timeCost, parallelism, salt, algorithm: 2, outputLen: 32 };
  hashRawSync(password, options);
  const from = now(clock);
  let elapsed = 0;
  let count = 0;
  while (elapsed < seconds) {
    hashRawSync(password, options);
    count += 1;
    elapsed = now(clock) - from;
  }
  process.stdout.write(`${count / elapsed}\n`);
});
process.stdout.write('ready\n');
