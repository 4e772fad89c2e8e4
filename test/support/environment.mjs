import { TestEnvironment } from 'jest-environment-node';

// Jest's workers would go on with their files after a run that was ended from outside, on servers that are no longer there.
const end = () => process.exit(1);
process.once('disconnect', end);
// A worker that is told to end takes no more messages; whoever waits for the end of their channel keeps it from ending.
process.on('removeListener', (event) => {
  if (event === 'message') process.off('disconnect', end);
});

export default TestEnvironment;
