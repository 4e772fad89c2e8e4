export {
  type Account,
  type AccountChange,
  createAccount,
  findAccount,
  listAccounts,
  type NewAccount,
  updateAccount,
} from './accounts.js';
export { findSellerLogo, type SellerLogo, setSellerLogo } from './logos.js';
export { openCatalogue } from './open-catalogue.js';
export {
  admitConfiguredKey,
  API_KEY_SCOPES,
  type ApiKey,
  type ApiKeyScope,
  authenticate,
  createApiKey,
  isConfiguredKey,
  listApiKeys,
  newApiKey,
  revokeApiKey,
} from './api-keys.js';
export {
  type Entity,
  listEntities,
  type NewEntity,
  registerEntity,
  replaceEntities,
  updateEntity,
} from './entities.js';
export {
  deleteDraftPlan,
  findTariffPlanVersion,
  listTariffPlans,
  listTariffPlanVersions,
  publishTariffPlan,
  replaceDraftPlan,
  saveDraftPlan,
  type TariffPlanVersion,
} from './plans.js';
export {
  type ConfiguredReportApi,
  loadAccess,
  reportAccess,
  type ReportAccess,
  type ReportApiSettings,
  requestsPerSecondSchema,
  type StoredAccess,
} from './report-access.js';
export { ReportGates, type ReportLimits } from './report-gates.js';
export { accountsOfSeller, findSellerId, loadSellerFacts, loadSettings } from './seller-facts.js';
export { DEFAULT_SETTINGS, type SellerSettings } from './seller-settings.js';
export {
  createSeller,
  type EdgePolicy,
  findSeller,
  listSellers,
  type NewSeller,
  type PayableRounding,
  type Seller,
  type SellerChange,
  updateSeller,
} from './sellers.js';
export {
  findSubscription,
  listSubscriptions,
  type NewSubscription,
  subscribe,
  type Subscription,
  updateSubscription,
} from './subscriptions.js';
