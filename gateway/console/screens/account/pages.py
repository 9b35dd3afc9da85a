"""The addresses of this folder."""

from __future__ import annotations

from gateway.console.screens.account import accounts, company, desk, factors, mine, signin

ALL = (signin.pages, company.pages, factors.pages, mine.pages, accounts.pages, desk.pages)
