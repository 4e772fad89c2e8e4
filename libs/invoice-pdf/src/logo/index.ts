export { LARGEST_LOGO, type LogoFault, readLogo } from './logo.js';
export { isFault } from './svg.js';
