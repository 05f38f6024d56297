import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    // Most of a test's time is waiting for peers, so there is one for each core, and not one fewer.
    maxWorkers: '100%',
  },
});
