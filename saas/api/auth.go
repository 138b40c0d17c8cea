package api

import (
	"context"
	"net/http"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// nothing is the input of a route that takes none, and the answer of one that
// gives none.
type nothing struct{}

// user is a person as the API shows them.
type user struct {
	ID         string    `json:"id" doc:"Identifies the user." example:"0197e1a2-6f00-7a00-8000-000000000001"`
	Email      string    `json:"email" doc:"The address that the user logs in with." example:"ada@example.com"`
	FirstName  string    `json:"first_name" doc:"Given name." example:"Ada"`
	LastName   string    `json:"last_name" doc:"Family name." example:"Lovelace"`
	TenantID   string    `json:"tenant_id" doc:"The tenant that the session acts for." example:"0197e1a2-6f00-7a00-8000-000000000002"`
	TenantName string    `json:"tenant_name" doc:"What the tenant is called." example:"Ada Lovelace"`
	Role       string    `json:"role" doc:"What the user may do in the tenant: owner, admin, trader or viewer." example:"owner"`
	CreatedAt  time.Time `json:"created_at" doc:"When the user registered." example:"2026-01-02T15:04:05Z"`
}

func userView(u tenancy.User, t tenancy.Tenant, p tenancy.Principal) user {
	return user{
		ID: u.ID, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName,
		TenantID: t.ID, TenantName: t.Name, Role: string(p.Role), CreatedAt: u.CreatedAt.UTC(),
	}
}

// login is a session that was opened or refreshed.
type login struct {
	User         user   `json:"user" doc:"Who is logged in."`
	AccessToken  string `json:"access_token" doc:"Goes with each request, until it expires." example:"eyJhbGciOi…"`
	RefreshToken string `json:"refresh_token" doc:"Gets the next pair of tokens, once." example:"lrt_…"`
	TokenType    string `json:"token_type" doc:"Always Bearer." example:"Bearer"`
	ExpiresIn    int    `json:"expires_in" doc:"The life of the access token, in seconds." example:"900"`
}

func loginAnswer(l tenancy.Login, err error) (*answer[login], error) {
	if err != nil {
		return nil, err
	}
	return &answer[login]{Body: login{
		User: userView(l.User, l.Tenant, l.Principal), AccessToken: l.Tokens.AccessToken, RefreshToken: l.Tokens.RefreshToken,
		TokenType: l.Tokens.TokenType, ExpiresIn: l.Tokens.ExpiresIn,
	}}, nil
}

// registration is the body of a registration.
type registration struct {
	Email     string `json:"email" validate:"required,max=254" doc:"The address to log in with." example:"ada@example.com"`
	Password  string `json:"password" validate:"required,min=8,max=128" doc:"At least 8 characters; spaces and all scripts are welcome." example:"correct horse battery staple"`
	FirstName string `json:"first_name" validate:"max=100" doc:"Given name." example:"Ada"`
	LastName  string `json:"last_name" validate:"max=100" doc:"Family name." example:"Lovelace"`
}

func (r registration) input() tenancy.RegisterInput {
	return tenancy.RegisterInput{Email: r.Email, Password: r.Password, FirstName: r.FirstName, LastName: r.LastName}
}

func (r registration) check(context.Context, *API, tenancy.Principal) error {
	return r.input().Validate()
}

// credentials are the body of a login.
type credentials struct {
	Email    string `json:"email" validate:"required,max=254" doc:"The address of the registration." example:"ada@example.com"`
	Password string `json:"password" validate:"required,max=128" doc:"The password." example:"correct horse battery staple"`
}

// refreshing is the body of a refresh.
type refreshing struct {
	RefreshToken string `json:"refresh_token" validate:"required,max=500" doc:"The newest refresh token of the session." example:"lrt_…"`
}

func (a *API) authRoutes() {
	handle(a, operation{
		method: http.MethodPost, path: "/api/v1/auth/register", id: "register", tag: tagAuth, status: http.StatusCreated, public: true,
		summary:     "Register",
		description: "Makes a user and a tenant on the lowest plan, and logs the user in.",
		fails:       []errs.Kind{errs.Conflict},
	}, a.register)
	handle(a, operation{
		method: http.MethodPost, path: "/api/v1/auth/login", id: "login", tag: tagAuth, public: true,
		summary:     "Log in",
		description: "Opens a session. Unknown addresses and wrong passwords are answered alike; guessing is slowed down.",
		fails:       []errs.Kind{errs.Unauthenticated, errs.RateLimited},
	}, a.login)
	handle(a, operation{
		method: http.MethodPost, path: "/api/v1/auth/refresh", id: "refresh", tag: tagAuth, public: true,
		summary:     "Refresh the tokens",
		description: "Gives a new access token and a new refresh token for the newest refresh token of a session. An older one ends the session.",
		fails:       []errs.Kind{errs.Unauthenticated, errs.Conflict},
	}, a.refresh)
	handle(a, operation{
		method: http.MethodPost, path: "/api/v1/auth/logout", id: "logout", tag: tagAuth,
		summary:     "Log out",
		description: "Ends the session of the access token; its tokens work no more.",
	}, a.logout)
	handle(a, operation{
		method: http.MethodGet, path: "/api/v1/auth/me", id: "me", tag: tagAuth,
		summary:     "Who am I",
		description: "Shows the user, the tenant and the role of the access token.",
	}, a.me)
}

func (a *API) register(ctx context.Context, _ tenancy.Principal, in *struct{ Body body[registration] }) (*answer[login], error) {
	input, of := in.Body.Value.input(), requestOf(ctx)
	input.Device, input.IP = of.device, of.ip
	return loginAnswer(a.cfg.Tenancy.Register(ctx, input))
}

func (a *API) login(ctx context.Context, _ tenancy.Principal, in *struct{ Body body[credentials] }) (*answer[login], error) {
	of, c := requestOf(ctx), in.Body.Value
	return loginAnswer(a.cfg.Tenancy.Login(ctx, tenancy.LoginInput{Email: c.Email, Password: c.Password, Device: of.device, IP: of.ip}))
}

func (a *API) refresh(ctx context.Context, _ tenancy.Principal, in *struct{ Body body[refreshing] }) (*answer[login], error) {
	return loginAnswer(a.cfg.Tenancy.Refresh(ctx, tenancy.RefreshInput{RefreshToken: in.Body.Value.RefreshToken, IP: requestOf(ctx).ip}))
}

func (a *API) logout(ctx context.Context, who tenancy.Principal, _ *nothing) (*nothing, error) {
	return nil, a.cfg.Tenancy.Logout(ctx, who)
}

func (a *API) me(ctx context.Context, who tenancy.Principal, _ *nothing) (*answer[user], error) {
	p, err := a.cfg.Tenancy.Me(ctx, who)
	if err != nil {
		return nil, err
	}
	return &answer[user]{Body: userView(p.User, p.Tenant, p.Principal)}, nil
}
