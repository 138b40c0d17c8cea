package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/strategy/perf"
)

// schemaPrefix is where the document keeps its schemas.
const schemaPrefix = "#/components/schemas/"

// bearer is the name of the security scheme.
const bearer = "bearer"

// The groups of routes, in the order of the document.
const (
	tagAuth          = "Account"
	tagConfigs       = "Configurations"
	tagBots          = "Bots"
	tagHistory       = "History"
	tagLive          = "Live"
	tagHooks         = "Webhooks"
	tagAccounts      = "Exchanges"
	tagBacktests     = "Backtests"
	tagSubscriptions = "Subscriptions"
	tagStrategies    = "Strategies"
	tagMarkets       = "Markets"
	tagAdmin         = "Administration"
	tagServer        = "Server"
)

// newDocument returns the router's side of the document, without operations.
func newDocument(a *API) huma.API {
	registry := huma.NewMapRegistry(schemaPrefix, schemaName)
	registry.RegisterTypeAlias(reflect.TypeFor[decimal.Decimal](), reflect.TypeFor[decimalText]())
	registry.RegisterTypeAlias(reflect.TypeFor[perf.Number](), reflect.TypeFor[ratio]())
	format := huma.Format{Marshal: marshal, Unmarshal: keep}
	return humachi.New(a.router, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: a.cfg.Title, Version: a.cfg.Version,
				Description: "Register or log in, send the access token with each request as `Authorization: Bearer …`, and refresh it when it expires. " +
					"Decimals are strings, times are RFC 3339 in UTC, identifiers are opaque. A list is `{items, next_cursor}`; " +
					"pass `next_cursor` as `cursor` to get the part that follows. Every error is an `application/problem+json` of RFC 9457.",
			},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					bearer: {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The access token of a login."},
				},
			},
			Tags: []*huma.Tag{
				{Name: tagAuth, Description: "Registering, logging in, and the session."},
				{Name: tagConfigs, Description: "What a bot shall do. Each configuration has one bot."},
				{Name: tagBots, Description: "Bots: configurations at work."},
				{Name: tagLive, Description: "Bots that trade with the money of an exchange account: going live and back, orders, and how they compare with the exchange's."},
				{Name: tagHistory, Description: "What a bot did, and the stream of what it does."},
				{Name: tagHooks, Description: "Messages from outside that bots hear."},
				{Name: tagAccounts, Description: "Accounts at exchanges, whose keys are sealed and checked."},
				{Name: tagBacktests, Description: "Strategies over history, run by workers."},
				{Name: tagSubscriptions, Description: "Plans, the tenant's subscription, its use and its invoices."},
				{Name: tagStrategies, Description: "The strategies that bots can follow."},
				{Name: tagMarkets, Description: "The pairs that can be traded, and their prices."},
				{Name: tagAdmin, Description: "What administrators of the installation do, whatever their role in a tenant."},
				{Name: tagServer, Description: "Whether the server is up."},
			},
		},
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{a.translate},
	})
}

// schemaName names the schema of a type: that of botView is Bot, that of a list
// of them ListOfBot.
func schemaName(t reflect.Type, hint string) string {
	return strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "View")
}

// marshal writes an answer.
func marshal(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// keep leaves the reading of a body to the operation, which reads strictly.
func keep(data []byte, v any) error {
	d, ok := v.(decoder)
	if !ok {
		return fmt.Errorf("api: a body is a %T", v)
	}
	d.keep(data)
	return nil
}

// translate turns the router's own errors into problems: parameters that could
// not be read, a body that is missing, too large or too slow.
func (a *API) translate(ctx huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	switch e.Status {
	case http.StatusRequestEntityTooLarge:
		detail := ""
		if most := ctx.Operation().MaxBodyBytes - 1; most != maxBody {
			detail = fmt.Sprintf("A body may have %d bytes.", most)
		}
		return a.newProblem(ctx.Context(), tooLarge, "body_too_large", detail), nil
	case http.StatusRequestTimeout:
		return a.newProblem(ctx.Context(), tooSlow, "body_too_slow", ""), nil
	case http.StatusBadRequest:
		return a.newProblem(ctx.Context(), kinds[errs.Malformed], "body_missing", "the route needs a body"), nil
	case http.StatusUnprocessableEntity:
		p := a.newProblem(ctx.Context(), kinds[errs.Invalid], "invalid_input", "some parameters are not valid")
		for _, d := range e.Errors {
			p.Errors = append(p.Errors, fault{Parameter: lastSegment(d.Location), Detail: "is not valid: " + d.Message})
		}
		return p, nil
	}
	a.cfg.Logger.WarnContext(ctx.Context(), "the body could not be read", "request_id", requestOf(ctx.Context()).id, "error", e.Error())
	return a.newProblem(ctx.Context(), kinds[errs.Internal], "internal", ""), nil
}

// finishDocument makes the document say what the tags demand, and renders it.
func (a *API) finishDocument() error {
	registry := a.huma.OpenAPI().Components.Schemas
	if err := errors.Join(a.faulty, a.inputs.applyRules(registry)); err != nil {
		return err
	}
	// The router describes its own form of errors too, which is never sent.
	delete(registry.Map(), "ErrorModel")
	delete(registry.Map(), "ErrorDetail")
	registry.Map()["Problem"].AdditionalProperties = true
	var err error
	if a.spec, err = json.MarshalIndent(a.huma.OpenAPI(), "", "  "); err != nil {
		return fmt.Errorf("api: rendering the OpenAPI document: %w", err)
	}
	return nil
}

// ratio is the schema of figures that may not be defined.
type ratio struct{}

// Schema implements huma.SchemaProvider.
func (ratio) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeNumber, Nullable: true}
}

// decimalText is the schema of decimals.
type decimalText struct{}

// Schema implements huma.SchemaProvider.
func (decimalText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "decimal", Examples: []any{"1234.5"}}
}
