package api

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// maxBody is the largest body, in bytes.
const maxBody = 1 << 20

// operation describes a route.
type operation struct {
	method, path string
	id           string
	tag          string
	summary      string
	description  string
	// status is that of success; it defaults to 200, or 204 without a body.
	status int
	// public routes need no token; admin routes are for administrators of the
	// installation only, whatever anybody's role in a tenant.
	public, admin bool
	// fails lists the kinds of error that are particular to the route.
	fails []errs.Kind
	// takes are the media types of a body that the handler reads itself, and
	// maxBody its largest size in bytes. They default to JSON and to 1 MiB.
	takes   []string
	maxBody int64
	// media replaces the media type of the answer in the document; model is what
	// an answer that is written by hand holds, if it is not just text.
	media string
	model reflect.Type
}

// handle registers a route. The handler gets the caller (empty for a public
// route) and an input whose body and parameters have been read and checked.
func handle[I, O any](a *API, op operation, handler func(ctx context.Context, who tenancy.Principal, in *I) (*O, error)) {
	doc := op.document(a, reflect.TypeFor[I]())
	huma.Register(a.huma, doc, func(ctx context.Context, in *I) (*O, error) {
		if err := a.check(ctx, in); err != nil {
			return nil, a.problemOf(ctx, err)
		}
		if op.media == "" {
			bounded, cancel := context.WithTimeout(ctx, workTime)
			defer cancel()
			ctx = bounded
		}
		out, err := handler(ctx, requestOf(ctx).who, in)
		if err != nil {
			return nil, a.problemOf(ctx, err)
		}
		return out, nil
	})
	a.describe(op, reflect.TypeFor[I]())
}

// document returns the operation as the router wants it.
func (op operation) document(a *API, in reflect.Type) huma.Operation {
	if op.takes == nil {
		op.takes, op.maxBody = []string{"application/json"}, maxBody
	}
	doc := huma.Operation{
		Method: op.method, Path: op.path, OperationID: op.id, Tags: []string{op.tag}, Summary: op.summary, Description: op.description,
		DefaultStatus: op.status, MaxBodyBytes: op.maxBody + 1, BodyReadTimeout: workTime + 5*time.Second,
		SkipValidateBody: true, SkipValidateParams: true, Responses: map[string]*huma.Response{},
	}
	if !op.public {
		doc.Security = []map[string][]string{{bearer: {}}}
		doc.Middlewares = append(doc.Middlewares, a.onlyKnown)
	}
	if op.admin {
		doc.Description += " For administrators of the installation only."
		doc.Middlewares = append(doc.Middlewares, a.onlyAdmins)
	}
	doc.Middlewares = append(doc.Middlewares, a.knownParameters, a.mediaOnly(op.takes))
	_, hasBody := in.FieldByName("Body")
	if _, raw := in.FieldByName("RawBody"); raw {
		hasBody = true
	}
	problem := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem](), true, "")
	for _, k := range op.problems(hasBody, in) {
		status := strconv.Itoa(k.status)
		r := doc.Responses[status]
		if r == nil {
			r = &huma.Response{Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problem}}}
			doc.Responses[status] = r
		}
		r.Description = strings.TrimPrefix(r.Description+" "+k.title+" ("+k.name+").", " ")
	}
	if op.media != "" {
		schema := &huma.Schema{Type: huma.TypeString}
		if op.model != nil {
			schema = a.huma.OpenAPI().Components.Schemas.Schema(op.model, true, "")
		}
		doc.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{op.media: {Schema: schema}}}
	}
	return doc
}

// problems lists what the route can fail with.
func (op operation) problems(hasBody bool, in reflect.Type) []problemKind {
	fails := append([]errs.Kind{errs.Internal}, op.fails...)
	if in.NumField() > 0 {
		fails = append(fails, errs.Malformed, errs.Invalid)
	}
	if !op.public {
		fails = append(fails, errs.Unauthenticated, errs.Forbidden)
	}
	if strings.Contains(op.path, "{") {
		fails = append(fails, errs.NotFound)
	}
	fails = append(fails, errs.Unavailable)
	slices.Sort(fails)
	list := make([]problemKind, 0, len(fails))
	for _, k := range slices.Compact(fails) {
		list = append(list, kinds[k])
	}
	if hasBody {
		list = append(list, tooLarge, wrongMedia, tooSlow)
	}
	return list
}

// describe completes what the router wrote into the document.
func (a *API) describe(op operation, in reflect.Type) {
	a.routes = append(a.routes, Route{Method: op.method, Path: op.path})
	written := operationOf(a.huma.OpenAPI().Paths[op.path], op.method)
	if err := applyParameters(written.Parameters, in); err != nil {
		a.faulty = errors.Join(a.faulty, err)
	}
	if f, ok := in.FieldByName("Body"); ok {
		if d, ok := reflect.New(f.Type).Interface().(decoder); ok {
			a.faulty = errors.Join(a.faulty, a.inputs.add(d.valueType()))
		}
	}
}

// operationOf returns the operation of a method.
func operationOf(item *huma.PathItem, method string) *huma.Operation {
	switch method {
	case http.MethodGet:
		return item.Get
	case http.MethodPost:
		return item.Post
	case http.MethodPut:
		return item.Put
	case http.MethodPatch:
		return item.Patch
	}
	return item.Delete
}

// serviceChecked are bodies, or inputs with one, of which a service can say what
// it would refuse.
// It is asked when something is found before, so that the caller hears of all at
// once; else the service speaks for itself when it is used.
type serviceChecked interface {
	check(ctx context.Context, a *API, who tenancy.Principal) error
}

// check reads and checks an input.
func (a *API) check(ctx context.Context, in any) error {
	v := reflect.ValueOf(in).Elem()
	if faults := a.checker.parameters(in); len(faults) > 0 {
		p := a.newProblem(ctx, kinds[errs.Invalid], "invalid_input", "some parameters are not valid")
		p.Errors = faults
		return p
	}
	field := v.FieldByName("Body")
	if !field.IsValid() {
		return nil
	}
	d, ok := field.Addr().Interface().(decoder)
	if !ok {
		return errs.New(errs.Internal, "body_type", "%s is no body", field.Type())
	}
	unread := d.decode()
	if unread != nil && errs.KindOf(unread) != errs.Invalid {
		return unread
	}
	return a.checker.body(d.value(), faultyFields(unread), func() error {
		for _, v := range []any{d.value(), in} {
			if s, ok := v.(serviceChecked); ok {
				return s.check(ctx, a, requestOf(ctx).who)
			}
		}
		return nil
	})
}

// onlyKnown lets only callers with a valid token through.
func (a *API) onlyKnown(ctx huma.Context, next func(huma.Context)) {
	if err := a.authenticate(ctx.Context(), ctx.Header("Authorization")); err != nil {
		a.refuse(ctx, a.problemOf(ctx.Context(), err))
		return
	}
	next(ctx)
}

// onlyAdmins lets only administrators of the installation through, before
// anything else of their request is looked at.
func (a *API) onlyAdmins(ctx huma.Context, next func(huma.Context)) {
	if !requestOf(ctx.Context()).who.PlatformAdmin {
		err := errs.New(errs.Forbidden, "admin_only", "only an administrator of the installation may do this")
		a.refuse(ctx, a.problemOf(ctx.Context(), err))
		return
	}
	next(ctx)
}

// knownParameters refuses parameters that the route does not know, and answers
// for identifiers that cannot be any.
func (a *API) knownParameters(ctx huma.Context, next func(huma.Context)) {
	known := map[string]bool{}
	for _, p := range ctx.Operation().Parameters {
		switch p.In {
		case "query":
			known[p.Name] = true
		case "path":
			if !isID(ctx.Param(p.Name)) {
				a.refuse(ctx, a.newProblem(ctx.Context(), kinds[errs.NotFound], "not_found", "there is nothing of this "+p.Name))
				return
			}
		}
	}
	u := ctx.URL()
	var faults []fault
	for name, values := range u.Query() {
		if !known[name] {
			faults = append(faults, fault{Parameter: name, Detail: "is not known here"})
		} else if len(values) > 1 {
			faults = append(faults, fault{Parameter: name, Detail: "is given more than once"})
		}
	}
	if len(faults) > 0 {
		slices.SortFunc(faults, func(a, b fault) int { return strings.Compare(a.Parameter, b.Parameter) })
		p := a.newProblem(ctx.Context(), kinds[errs.Malformed], "unknown_parameter", "some parameters of the query are not taken here")
		p.Errors = faults
		a.refuse(ctx, p)
		return
	}
	next(ctx)
}

// mediaOnly refuses bodies that say that they are something else than the route
// takes (rule C2).
func (a *API) mediaOnly(takes []string) func(ctx huma.Context, next func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if header := ctx.Header("Content-Type"); ctx.Operation().RequestBody != nil && header != "" {
			if media, _, err := mime.ParseMediaType(header); err != nil || !slices.Contains(takes, media) {
				detail := "Send it with Content-Type: " + strings.Join(takes, " or ") + "."
				a.refuse(ctx, a.newProblem(ctx.Context(), wrongMedia, "unsupported_media_type", detail))
				return
			}
		}
		next(ctx)
	}
}

// refuse answers with a problem before the operation begins.
func (a *API) refuse(ctx huma.Context, p *problem) {
	for name := range p.headers {
		ctx.SetHeader(name, p.headers.Get(name))
	}
	ctx.SetHeader("Content-Type", p.ContentType(""))
	ctx.SetStatus(p.Status)
	if err := marshal(ctx.BodyWriter(), p); err != nil {
		a.cfg.Logger.WarnContext(ctx.Context(), "the answer could not be written", "error", err)
	}
}

// isID reports whether a text can be an identifier of ours, or a version.
func isID(s string) bool {
	return s != "" && len(s) <= 100 && s[0] != '.' && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.") == ""
}

// lastSegment returns what follows the last dot.
func lastSegment(s string) string { return s[strings.LastIndexByte(s, '.')+1:] }
