-- Answers that say by the hour what a site without samples was doing are evidence like all others.
ALTER TABLE usage_evidence DROP CONSTRAINT usage_evidence_family_check;
ALTER TABLE usage_evidence ADD CONSTRAINT usage_evidence_family_check
  CHECK (family IN ('bytes', 'time', 'bandwidth', 'bandwidth_max'));
