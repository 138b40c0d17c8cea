CREATE TABLE billing_plans (
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    body TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    PRIMARY KEY (id, version)
);
--bun:split
CREATE TABLE billing_subscriptions (
    tenant_id TEXT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    plan_id TEXT NOT NULL,
    plan_version BIGINT NOT NULL,
    status TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    period_start BIGINT NOT NULL,
    period_end BIGINT NOT NULL,
    grace_until BIGINT,
    pending_plan_id TEXT,
    pending_plan_version BIGINT,
    pending_by TEXT NOT NULL,
    revision BIGINT NOT NULL,
    last_invoice BIGINT NOT NULL,
    UNIQUE (tenant_id, id),
    CHECK (period_start < period_end),
    FOREIGN KEY (plan_id, plan_version) REFERENCES billing_plans (id, version),
    FOREIGN KEY (pending_plan_id, pending_plan_version) REFERENCES billing_plans (id, version)
);
--bun:split
CREATE INDEX billing_subscriptions_due ON billing_subscriptions (period_end, tenant_id);
--bun:split
CREATE TABLE billing_overrides (
    tenant_id TEXT NOT NULL,
    feature TEXT NOT NULL,
    max BIGINT NOT NULL,
    expires_at BIGINT,
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, feature)
);
--bun:split
CREATE TABLE billing_usage (
    tenant_id TEXT NOT NULL,
    feature TEXT NOT NULL,
    used BIGINT NOT NULL CHECK (used >= 0),
    PRIMARY KEY (tenant_id, feature)
);
--bun:split
CREATE TABLE billing_holds (
    tenant_id TEXT NOT NULL,
    feature TEXT NOT NULL,
    item TEXT NOT NULL,
    holder TEXT NOT NULL,
    PRIMARY KEY (tenant_id, feature, item, holder)
);
--bun:split
CREATE TABLE billing_invoices (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    kind TEXT NOT NULL,
    revision BIGINT NOT NULL,
    status TEXT NOT NULL,
    lines TEXT NOT NULL,
    total BIGINT NOT NULL,
    currency TEXT NOT NULL,
    period_start BIGINT NOT NULL,
    period_end BIGINT NOT NULL,
    provider TEXT NOT NULL,
    note TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    due_at BIGINT,
    paid_at BIGINT,
    paid_by TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, number),
    UNIQUE (tenant_id, subscription_id, period_start, kind, revision),
    FOREIGN KEY (tenant_id, subscription_id) REFERENCES billing_subscriptions (tenant_id, id)
);
