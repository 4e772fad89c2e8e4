// A program that a test started ends when the process of the test has ended, by whatever: the channel between them closes.
process.once('disconnect', () => process.exit(1));
process.channel?.unref();
