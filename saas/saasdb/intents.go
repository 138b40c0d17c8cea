package saasdb

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

// storeIntents commits entries of which each is intents alone, on PostgreSQL in one
// statement and with an array a column, of which the server has little to parse: it locks
// the leases as heldUnder does, and only then writes, all entries or none. It reports false,
// with nothing written, if CommitLive must look closer: a lease is lost, a buy is one that
// ceilings bound, a row is there already.
func (s *Store) storeIntents(ctx context.Context, entries []journal.LiveEntry) (bool, error) {
	if s.db.Dialect() != db.Postgres || db.Writing(ctx) || !intentsAlone(entries) {
		return false, nil
	}
	var rows liveRows
	var held []heldRow
	var buyers []string
	for _, e := range entries {
		rows.add(e)
		held = append(held, heldRow{TenantID: e.TenantID, Kind: lease.Bots, ResourceID: e.BotID, Epoch: e.Epoch})
		if len(buysOf(e)) == 0 || slices.Contains(buyers, e.TenantID) {
			continue
		}
		if _, capped := s.capped.Load(e.TenantID); capped {
			return false, nil
		}
		buyers = append(buyers, e.TenantID)
	}
	notWhole := errors.New("a lease is lost, or a tenant has ceilings")
	err := s.db.System(ctx, "committing intents", func(ctx context.Context, tx bun.IDB) error {
		tables := tx.Dialect().Tables()
		var args []any
		// The leases are locked in the order of their key, as they are everywhere; unless
		// their tenants are free of ceilings, none is.
		query := "WITH held AS (SELECT 1 FROM leases WHERE (" + columnsOf[heldRow](tables) + ") IN (SELECT * FROM " + unnest(tables, held, &args) + ") AND holder <> ''"
		if len(buyers) > 0 {
			query += " AND NOT EXISTS (SELECT 1 FROM ceilings WHERE tenant_id IN (?))"
			args = append(args, bun.List(buyers))
		}
		query += " ORDER BY tenant_id, kind, resource_id FOR NO KEY UPDATE), whole AS (SELECT COUNT(*) = ? AS so FROM held), "
		args = append(args, len(entries))
		query += "orders AS (" + insertIf(tables, "live_orders", rows.orders, &args) + ") " + insertIf(tables, "live_transitions", rows.transitions, &args)
		res, err := tx.NewRaw(query, args...).Exec(ctx)
		if n, err := affected(res, err, "storing intents"); err != nil || n > 0 {
			return err
		}
		return notWhole
	})
	if errors.Is(err, notWhole) || db.IsUnique(err) {
		return false, nil
	}
	return err == nil, err
}

// heldRow is a lease that an entry is made under.
type heldRow struct {
	bun.BaseModel `bun:"table:leases,alias:l"`

	TenantID   string
	Kind       lease.Kind
	ResourceID string
	Epoch      int64
}

// intentsAlone reports whether entries are orders that nobody had before, and nothing else,
// of a bot each.
func intentsAlone(entries []journal.LiveEntry) bool {
	bots := make(map[lease.Resource]bool, len(entries))
	for _, e := range entries {
		first := len(e.Transitions) > 0 && !slices.ContainsFunc(e.Transitions, func(t journal.Transition) bool { return t.From != "" })
		if !first || len(e.Orders) == 0 || e.Epoch == 0 || len(e.Fills)+len(e.Books)+len(e.Foreign) > 0 || e.Check != nil {
			return false
		}
		bots[lease.Resource{TenantID: e.TenantID, ID: e.BotID}] = true
	}
	return len(bots) == len(entries)
}

// insertIf is the statement that inserts rows if whole says so.
func insertIf[T any](tables *schema.Tables, into string, rows []T, args *[]any) string {
	return "INSERT INTO " + into + " (" + columnsOf[T](tables) + ") SELECT * FROM " + unnest(tables, rows, args) + " WHERE (SELECT so FROM whole)"
}

func columnsOf[T any](tables *schema.Tables) string {
	fields := tables.Get(reflect.TypeFor[T]()).Fields
	return strings.Join(convert(fields, func(f *schema.Field) string { return f.Name }), ", ")
}

// unnest makes a table of rows, of which an array a column is passed.
func unnest[T any](tables *schema.Tables, rows []T, args *[]any) string {
	values := reflect.ValueOf(rows)
	return "UNNEST (" + strings.Join(convert(tables.Get(reflect.TypeFor[T]()).Fields, func(f *schema.Field) string {
		column, element := columnOf(f, values)
		*args = append(*args, pgdialect.Array(column))
		return "?::" + element + "[]"
	}), ", ") + ")"
}

// columnOf returns the values of a column, and what type they are to the database.
func columnOf(f *schema.Field, rows reflect.Value) (values any, element string) {
	switch f.IndirectType.Kind() {
	case reflect.Int, reflect.Int64:
		return collect(f, rows, reflect.Value.Int), "bigint"
	case reflect.Bool:
		return collect(f, rows, reflect.Value.Bool), "boolean"
	case reflect.String:
		return collect(f, rows, reflect.Value.String), "text"
	default:
	}
	if f.IndirectType == reflect.TypeFor[decimal.Decimal]() {
		return collect(f, rows, func(v reflect.Value) string { return v.Interface().(decimal.Decimal).String() }), "text" //nolint:forcetypeassert // see above
	}
	return collect(f, rows, func(v reflect.Value) *int64 {
		at := v.Interface().(db.Timestamp) //nolint:forcetypeassert // see above
		if at.IsZero() {
			return nil
		}
		micro := at.UnixMicro()
		return &micro
	}), "bigint"
}

func collect[V any](f *schema.Field, rows reflect.Value, value func(reflect.Value) V) []V {
	all := make([]V, rows.Len())
	for i := range all {
		all[i] = value(f.Value(rows.Index(i)))
	}
	return all
}
