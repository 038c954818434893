"""Two operations of tasks as a team would write them in Python: FastAPI, SQLAlchemy with asyncpg, Dapr by HTTP.

The other side of `cargo bench -p tests -- peer`: the same request, the same rules, the same two events and the same answer. It is the simpler
of the two: it talks to PostgreSQL itself, and an event is lost when the process ends between the commit and the publish.
"""

import os
import uuid
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from typing import Annotated, Literal

import httpx
import jwt
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import DateTime, ForeignKey, Index, String, Text, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

ENGINE = create_async_engine(os.environ["DATABASE_URL"], pool_size=10, max_overflow=0)
SESSION = async_sessionmaker(ENGINE, expire_on_commit=False)
PUBLISH = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}/v1.0/publish/pubsub/{os.environ['TOPIC']}"


class Base(DeclarativeBase):
    """The tables of this process."""


class TaskRow(Base):
    """A task."""

    __tablename__ = "tasks"
    __table_args__ = (Index("peer_newest", "user_id", "created_at"), {"schema": "peer"})
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID]
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(20))
    priority: Mapped[str] = mapped_column(String(10))
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    tags: Mapped[list["TagRow"]] = relationship(lazy="raise")


class TagRow(Base):
    """A tag of a task."""

    __tablename__ = "tags"
    __table_args__ = {"schema": "peer"}
    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("peer.tasks.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(50), primary_key=True)


class NewTask(BaseModel):
    """The body of `POST /tasks`."""

    model_config = ConfigDict(extra="forbid")
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    description: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    status: Literal["todo", "in_progress", "completed"] = "todo"
    priority: Literal["high", "medium", "low"] = "medium"
    due_at: AwareDatetime | None = None
    tag_names: Annotated[list[str], Field(max_length=20)] = []


class Task(BaseModel):
    """A task as it is answered."""

    model_config = ConfigDict(from_attributes=True)
    id: uuid.UUID
    user_id: uuid.UUID
    title: str
    description: str | None
    status: str
    priority: str
    due_at: datetime | None
    tags: list[str]
    version: int
    created_at: datetime
    updated_at: datetime


class Page(BaseModel):
    """One page of a list."""

    items: list[Task]
    total: int
    limit: int
    offset: int
    has_more: bool


def answer(row: TaskRow, tags: list[str]) -> Task:
    """A row as it is answered."""
    fields = {name: getattr(row, name) for name in Task.model_fields if name != "tags"}
    return Task(**fields, tags=tags)


@asynccontextmanager
async def lifespan(app: FastAPI):
    """Keys and connections for as long as the process lives."""
    async with httpx.AsyncClient(headers={"dapr-api-token": os.environ["DAPR_API_TOKEN"]}) as client:
        keys = (await client.get(os.environ["JWKS_URL"])).json()["keys"]
        app.state.keys = {key["kid"]: jwt.PyJWK(key) for key in keys}
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan, docs_url=None, openapi_url=None)


async def caller(request: Request) -> uuid.UUID:
    """Whose token it is."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    try:
        key = request.app.state.keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key, algorithms=["RS256"], options={"verify_aud": False})
        return uuid.UUID(claims["sub"])
    except (jwt.InvalidTokenError, KeyError, ValueError) as error:
        raise HTTPException(401) from error


async def session():
    """A connection for one request."""
    async with SESSION() as each:
        yield each


Caller = Annotated[uuid.UUID, Depends(caller)]
Session = Annotated[AsyncSession, Depends(session)]


@app.get("/health")
async def health() -> Response:
    """Whether the process lives."""
    return Response()


@app.post("/tasks", status_code=201)
async def create(body: NewTask, user: Caller, session: Session, request: Request, response: Response) -> Task:
    """Stores a task, then tells of it."""
    now = datetime.now(timezone.utc)
    tags = sorted(set(body.tag_names))
    row = TaskRow(
        id=uuid.uuid4(), user_id=user, version=1, created_at=now, updated_at=now, **body.model_dump(exclude={"tag_names"}),
        tags=[TagRow(name=name) for name in tags],
    )
    session.add(row)
    await session.commit()
    task = answer(row, tags)
    snapshot = task.model_dump(mode="json")
    for kind in ("task.created", "task.update"):
        event = {"event_type": kind, "event_id": str(uuid.uuid4()), "task_id": snapshot["id"], "task": snapshot}
        (await request.app.state.client.post(PUBLISH, json=event)).raise_for_status()
    response.headers["Location"] = f"/tasks/{task.id}"
    return task


@app.get("/tasks")
async def tasks(
    user: Caller, session: Session, limit: Annotated[int, Query(ge=1, le=100)] = 20, offset: Annotated[int, Query(ge=0)] = 0
) -> Page:
    """One page, newest first."""
    mine = TaskRow.user_id == user
    total = await session.scalar(select(func.count()).select_from(TaskRow).where(mine)) or 0
    newest = select(TaskRow).where(mine).order_by(TaskRow.created_at.desc(), TaskRow.id.desc()).limit(limit).offset(offset)
    rows = (await session.scalars(newest.options(selectinload(TaskRow.tags)))).all()
    items = [answer(row, sorted(tag.name for tag in row.tags)) for row in rows]
    return Page(items=items, total=total, limit=limit, offset=offset, has_more=total > offset + limit)


async def prepare() -> None:
    """Makes the tables."""
    async with ENGINE.begin() as connection:
        await connection.exec_driver_sql("create schema if not exists peer")
        await connection.run_sync(Base.metadata.create_all)
    await ENGINE.dispose()


if __name__ == "__main__":
    import asyncio

    asyncio.run(prepare())
