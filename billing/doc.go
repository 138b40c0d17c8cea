// Package billing knows what a tenant pays for and what it may use: plans with
// limits and entitlements, the tenant's subscription, its invoices, and the
// Gate that enforces limits in the same transaction as the thing that they
// limit.
//
// It owns money in minor units, plans and their catalog, subscriptions and
// their changes, per-tenant overrides, invoices and the counting of what a
// tenant holds. It does not own tenants (it knows them by id), bots, request
// counting (package ratelimit reads the limit of calls from the Gate), SQL
// (package billingdb) or the collecting of money (a Provider such as
// billing/offline).
//
// # Plans
//
// A plan has an id, a number, and a version. A published version never changes:
// the store keeps it, and a tenant stays pinned to the version that it
// subscribed to. To change a plan, raise its version in the catalog.
//
// # Changing the plan
//
// An upgrade takes effect at once. The invoice credits the unused part of the
// old plan and charges the new plan for the same remainder of the period. Both
// are price × seconds left ÷ seconds in the period, each rounded half away from
// zero to the minor unit. A downgrade takes effect at the end of the period, by
// Service.ApplyDue, which also renews.
//
// # The Gate
//
// Reserve and Release join the transaction that ctx carries. Each first locks
// the tenant's subscription, then its counters in the order of the features, so
// that two of them wait for each other and never deadlock, and the limit that
// counts is the one that no plan change can take away meanwhile. Call them
// before you lock rows of your own.
//
// Smallest use:
//
//	svc, err := billing.New(billing.Config{Store: store, Tx: d, Events: outbox, Provider: provider})
//	err = svc.Publish(ctx)
//	err = svc.Enrol(ctx, tenantID)
//	err = d.Tx(ctx, tenantID, func(ctx context.Context) error {
//		if err := svc.Gate().Reserve(ctx, tenantID, billing.Want{Feature: billing.Bots, Key: botID}); err != nil {
//			return err
//		}
//		return bots.Insert(ctx, tenantID, bot)
//	})
package billing
