-- Whoever proposes a baseline does not approve it: its row says later who did.

GRANT UPDATE ON baselines TO {service};
