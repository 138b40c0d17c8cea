package web

import (
	"net/http"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// authPage is what the pages of visitors show; passwords are never sent back.
type authPage struct {
	Email, FirstName, LastName string
	Next                       string
	// Token is the administrator link's, or "".
	Token string
	// Gone says that the link cannot be used.
	Gone bool
	// Error concerns the form as a whole, Faults its fields.
	Error  string
	Faults faults
}

func (w *Web) signUpForm(rq *request) error {
	if rq.signedIn() {
		return rq.redirect("/")
	}
	return w.page(rq, http.StatusOK, "auth/signup", view{Title: "Create an account", D: authPage{}})
}

func (w *Web) signUp(rq *request) error {
	in := w.registration(rq)
	l, err := w.cfg.Tenancy.Register(rq.Context(), in)
	if err != nil {
		p := authPage{Email: in.Email, FirstName: in.FirstName, LastName: in.LastName}
		return w.refuse(rq, "auth/signup", "Create an account", p, err)
	}
	w.remember(rq, l.Tokens)
	return rq.redirect("/welcome")
}

func (w *Web) registration(rq *request) tenancy.RegisterInput {
	return tenancy.RegisterInput{
		Email: rq.PostFormValue("email"), Password: rq.PostFormValue("password"),
		FirstName: rq.PostFormValue("first_name"), LastName: rq.PostFormValue("last_name"),
		Device: rq.UserAgent(), IP: w.cfg.ClientIP(rq.Request),
	}
}

func (w *Web) signInForm(rq *request) error {
	next := localPath(rq.URL.Query().Get("next"))
	if rq.signedIn() {
		return rq.redirect(next)
	}
	return w.page(rq, http.StatusOK, "auth/signin", view{Title: "Sign in", D: authPage{Next: next}})
}

func (w *Web) signIn(rq *request) error {
	in := tenancy.LoginInput{
		Email: rq.PostFormValue("email"), Password: rq.PostFormValue("password"),
		Device: rq.UserAgent(), IP: w.cfg.ClientIP(rq.Request),
	}
	next := localPath(rq.PostFormValue("next"))
	l, err := w.cfg.Tenancy.Login(rq.Context(), in)
	if err != nil {
		return w.refuse(rq, "auth/signin", "Sign in", authPage{Email: in.Email, Next: next}, err)
	}
	w.remember(rq, l.Tokens)
	return rq.redirect(next)
}

func (w *Web) signOut(rq *request) error {
	if rq.signedIn() {
		if err := w.cfg.Tenancy.Logout(rq.Context(), rq.who); err != nil {
			return err
		}
	}
	w.forget(rq)
	return rq.redirect("/signin?notice=signed-out")
}

func (w *Web) setupForm(rq *request) error {
	return w.page(rq, http.StatusOK, "auth/setup", view{Title: "Create the administrator", D: authPage{Token: rq.PathValue("token")}})
}

func (w *Web) setup(rq *request) error {
	in := w.registration(rq)
	l, err := w.cfg.Tenancy.RedeemAdminLink(rq.Context(), rq.PathValue("token"), in)
	if err != nil {
		p := authPage{
			Token: rq.PathValue("token"), Email: in.Email, FirstName: in.FirstName, LastName: in.LastName,
			Gone: errs.CodeOf(err) == "link_invalid",
		}
		return w.refuse(rq, "auth/setup", "Create the administrator", p, err)
	}
	w.remember(rq, l.Tokens)
	return rq.redirect("/welcome")
}

// refuse shows a visitor's form again with what was wrong; errors that no form
// can mend are left to the error page.
func (w *Web) refuse(rq *request, name, title string, p authPage, err error) error {
	status := http.StatusUnprocessableEntity
	if f, ok := faultsOf(err); ok {
		p.Faults = f
		return w.page(rq, status, name, view{Title: title, D: p})
	}
	rq.sayWhen(errs.KindOf(err), err)
	switch errs.KindOf(err) {
	case errs.Conflict:
		status = http.StatusConflict
		p.Faults = faults{"email": messageOf(err)}
		return w.page(rq, status, name, view{Title: title, D: p})
	case errs.Unauthenticated:
		status = http.StatusUnauthorized
	case errs.NotFound:
		status = http.StatusNotFound
	case errs.RateLimited:
		status = http.StatusTooManyRequests
	case errs.Unavailable:
		status = http.StatusServiceUnavailable
	case errs.Internal, errs.Invalid, errs.Malformed, errs.Forbidden, errs.Stale, errs.LimitExceeded:
		return err
	}
	p.Error = messageOf(err)
	return w.page(rq, status, name, view{Title: title, D: p})
}
