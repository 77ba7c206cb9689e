"""The tables of the lease queue: partitions, messages, their status, and a lease a partition."""

GROUP = "__QUEUE_MODE__"  # a name, because UNIQUE does not hold for NULL

SCHEMA = f"""
create table part (id int primary key, name text not null unique);
create table message (
    id bigint generated always as identity primary key,
    part int not null references part,
    payload text not null,
    created_at timestamptz not null default now(),
    xid xid8 not null default pg_current_xact_id()
);
create index message_order on message (part, id);
create table status (
    message bigint not null,
    consumer_group text not null default '{GROUP}',
    consumer text not null,
    unique (message, consumer_group)
);
create table lease (
    part int not null references part,
    consumer_group text not null default '{GROUP}',
    owner text,
    epoch bigint not null default 0,
    expires_at timestamptz not null default '-infinity',
    batch bigint[] not null default '{{}}',
    acked_count int not null default 0,
    primary key (part, consumer_group)
);
"""


def filled(parts: int, messages: int) -> str:
    """The schema, and that many messages in each of that many partitions, numbered from 1."""
    return SCHEMA + (
        f"insert into part select n, 'p' || n from generate_series(1, {parts}) n;\n"
        f"insert into lease (part) select n from generate_series(1, {parts}) n;\n"
        "insert into message (part, payload) select p, p || '/' || m "
        f"from generate_series(1, {parts}) p, generate_series(1, {messages}) m order by p, m;\n"
    )
