-- Drafts that were kept after their close had been cancelled. Nothing would ever issue or replace them.
DELETE FROM draft_invoice d USING close c WHERE c.id = d.close_id AND c.state = 'cancelled';
