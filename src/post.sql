-- Last part: what everybody may see.  Functions that change something have
-- been revoked from PUBLIC where they are made.
GRANT SELECT ON converge.stat_peers, converge.stat_node, converge.hints,
    converge.tables, converge.conflicts TO PUBLIC;
