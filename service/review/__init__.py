"""Review: what other people's libraries say of an alarm, on a seeded draw of films, in processes of their own. It never decides an alarm."""
