"""Accounts, browser sessions and tokens. Secrets come and stay as hashes."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from mammoqa.core import NotStoredError, StoreError
from mammoqa.store.intake import now
from mammoqa.store.store import Store
from mammoqa.store.tables_people import AccountRow, ApiTokenRow, WebSessionRow

# Each role may do what those before it may.
ROLES = ("viewer", "technologist", "physicist", "administrator")


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may sign in."""

    id: int
    name: str
    full_name: str
    role: str
    active: bool
    has_password: bool
    created_at: datetime
    language: str = ""  # "": that of the browser

    @property
    def label(self) -> str:
        """The name under decisions."""
        return self.full_name or self.name


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who asks: the account, the role that counts for this request, and the browser session's CSRF token."""

    account: Account
    role: str
    csrf: str  # "" for a token of the REST interface

    def may(self, role: str) -> bool:
        """Whether the role is enough."""
        return ROLES.index(self.role) >= ROLES.index(role)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as its owner sees it later: without the secret."""

    id: int
    account_id: int
    name: str
    role: str
    created_at: datetime
    expires_at: datetime
    revoked: bool


def secret_hash(secret: str) -> str:
    """What is kept of a random secret of 256 bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _account(row: AccountRow) -> Account:
    known = row.password_hash is not None
    return Account(row.id, row.name, row.full_name, row.role, row.active, known, row.created_at, row.language or "")


def accounts(store: Store) -> tuple[Account, ...]:
    """Everyone, by name."""
    with store.session() as session:
        return tuple(_account(row) for row in session.scalars(select(AccountRow).order_by(AccountRow.name)))


def count_accounts(store: Store) -> int:
    """How many accounts there are."""
    with store.session() as session:
        return session.scalar(select(func.count()).select_from(AccountRow)) or 0


def add_account(
    store: Store, name: str, full_name: str, role: str, password_hash: str | None, oidc_subject: str | None = None
) -> Account:
    """A new account; StoreError for a name that is taken or empty, or an unknown role."""
    if role not in ROLES:
        raise StoreError(f"there is no role {role!r}; choose one of {', '.join(ROLES)}")
    clean = name.strip()
    if not clean or not clean.isprintable() or len(clean) > 100:
        raise StoreError("an account needs a name of 1 to 100 printable characters")
    row = AccountRow(
        name=clean,
        full_name=full_name.strip()[:200],
        role=role,
        password_hash=password_hash,
        oidc_subject=oidc_subject,
        active=True,
        created_at=now(),
    )
    try:
        with store.session(writes=True) as session:
            session.add(row)
            session.flush()
            return _account(row)
    except IntegrityError as error:
        raise StoreError(f"there is an account {clean} already") from error


def password_of(store: Store, name: str) -> tuple[Account, str | None] | None:
    """The account of this name with the hash of its password; None where there is none."""
    with store.session() as session:
        row = session.scalars(select(AccountRow).where(AccountRow.name == name)).one_or_none()
        return None if row is None else (_account(row), row.password_hash)


def by_subject(store: Store, subject: str) -> Account | None:
    """The account that the identity provider knows under this subject."""
    with store.session() as session:
        row = session.scalars(select(AccountRow).where(AccountRow.oidc_subject == subject)).one_or_none()
        return None if row is None else _account(row)


def change_account(
    store: Store,
    account_id: int,
    *,
    full_name: str | None = None,
    role: str | None = None,
    active: bool | None = None,
    password_hash: str | None = None,
) -> Account:
    """Change an account; its sessions and tokens end where it is closed, or its role or password changes.

    StoreError for an unknown number or role, and where no active administrator would be left.
    """
    if role is not None and role not in ROLES:
        raise StoreError(f"there is no role {role!r}; choose one of {', '.join(ROLES)}")
    with store.session(writes=True) as session:
        row = session.get(AccountRow, account_id)
        if row is None:
            raise NotStoredError(f"there is no account {account_id}")
        other_role = role not in (None, row.role)
        ends = other_role or active is False or password_hash is not None
        led = row.role == "administrator" and row.active
        row.full_name = row.full_name if full_name is None else full_name.strip()[:200]
        row.role = role or row.role
        row.active = row.active if active is None else active
        row.password_hash = password_hash or row.password_hash
        session.flush()
        if led and not session.scalar(
            select(func.count())
            .select_from(AccountRow)
            .where(AccountRow.role == "administrator", AccountRow.active.is_(True))
        ):
            raise StoreError("one active administrator has to stay")
        if ends:
            session.execute(delete(WebSessionRow).where(WebSessionRow.account_id == account_id))
        if active is False or other_role:
            session.execute(
                update(ApiTokenRow)
                .where(ApiTokenRow.account_id == account_id, ApiTokenRow.revoked_at.is_(None))
                .values(revoked_at=now())
            )
        return _account(row)


def set_language(store: Store, account_id: int, language: str) -> None:
    """The language in which a person reads the pages; "" leaves it to the browser."""
    with store.session(writes=True) as session:
        session.execute(update(AccountRow).where(AccountRow.id == account_id).values(language=language[:8]))


def open_session(store: Store, account_id: int, secret: str, csrf: str, hours: float) -> None:
    """A browser has signed in; sessions that ran out are dropped."""
    with store.session(writes=True) as session:
        session.execute(delete(WebSessionRow).where(WebSessionRow.expires_at < now()))
        session.add(
            WebSessionRow(
                token_sha256=secret_hash(secret),
                account_id=account_id,
                csrf=csrf,
                created_at=now(),
                seen_at=now(),
                expires_at=now() + timedelta(hours=hours),
            )
        )


def close_session(store: Store, secret: str) -> None:
    """A browser has signed out."""
    with store.session(writes=True) as session:
        session.execute(delete(WebSessionRow).where(WebSessionRow.token_sha256 == secret_hash(secret)))


def of_session(store: Store, secret: str) -> SignedIn | None:
    """Who a browser's cookie stands for; None where it ran out, or the account is closed."""
    with store.session() as session:
        found = session.execute(
            select(AccountRow, WebSessionRow.csrf)
            .join(WebSessionRow, WebSessionRow.account_id == AccountRow.id)
            .where(WebSessionRow.token_sha256 == secret_hash(secret), WebSessionRow.expires_at > now())
        ).one_or_none()
        if found is None or not found[0].active:
            return None
        return SignedIn(_account(found[0]), found[0].role, found[1])


def add_token(store: Store, account: Account, name: str, role: str, secret: str, days: int) -> ApiToken:
    """A token of the REST interface, with at most the rights of its owner."""
    if role not in ROLES or ROLES.index(role) > ROLES.index(account.role):
        raise StoreError(f"a token of {account.name} cannot have the role {role!r}")
    row = ApiTokenRow(
        account_id=account.id,
        name=name.strip()[:100] or "token",
        sha256=secret_hash(secret),
        role=role,
        created_at=now(),
        expires_at=now() + timedelta(days=days),
        revoked_at=None,
    )
    with store.session(writes=True) as session:
        session.add(row)
        session.flush()
        return _token(row)


def _token(row: ApiTokenRow) -> ApiToken:
    revoked = row.revoked_at is not None
    return ApiToken(row.id, row.account_id, row.name, row.role, row.created_at, row.expires_at, revoked)


def tokens(store: Store, account_id: int) -> tuple[ApiToken, ...]:
    """The tokens of an account, newest first."""
    query = select(ApiTokenRow).where(ApiTokenRow.account_id == account_id).order_by(ApiTokenRow.id.desc())
    with store.session() as session:
        return tuple(_token(row) for row in session.scalars(query))


def revoke_token(store: Store, token_id: int, account_id: int) -> bool:
    """End a token of this account; False where it has none of that number."""
    with store.session(writes=True) as session:
        row = session.get(ApiTokenRow, token_id)
        if row is None or row.account_id != account_id:
            return False
        row.revoked_at = row.revoked_at or now()
        return True


def of_token(store: Store, secret: str) -> SignedIn | None:
    """Who a token stands for; its role is the lesser of its own and its owner's."""
    with store.session() as session:
        found = session.execute(
            select(AccountRow, ApiTokenRow.role)
            .join(ApiTokenRow, ApiTokenRow.account_id == AccountRow.id)
            .where(
                ApiTokenRow.sha256 == secret_hash(secret),
                ApiTokenRow.expires_at > now(),
                ApiTokenRow.revoked_at.is_(None),
            )
        ).one_or_none()
        if found is None or not found[0].active:
            return None
        role = min(found[0].role, found[1], key=ROLES.index)
        return SignedIn(_account(found[0]), role, "")
