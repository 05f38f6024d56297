/** The gateway with metrics, and without spans. */
process.env.INTERLOCK_BENCH_OBSERVE = 'metrics';
await import('./observed.js');
