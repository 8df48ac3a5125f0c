-- Texts are taken away where an event says so; the events themselves never.
GRANT DELETE ON private TO {service};
