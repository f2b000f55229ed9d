"""The reference's analytics endpoints as a FastAPI service keeps them: checked, listed in memory, flushed every 5 s."""

import asyncio
import json
import os
from datetime import datetime, timezone
from enum import Enum
from typing import Any, Dict, List, Optional
from uuid import uuid4

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field, create_model

JWT_SECRET = os.environ["JWT_SECRET"]
EVENTS_PATH = os.environ["EVENTS_PATH"]
STRING_FIELDS = os.environ["STRING_FIELDS"].split(",")
FLUSH_INTERVAL_SECONDS = 5


class Category(str, Enum):
    page_view = "page_view"
    user_action = "user_action"
    trading = "trading"
    auth = "auth"
    error = "error"
    performance = "performance"
    feature = "feature"
    system = "system"


class Priority(str, Enum):
    low = "low"
    medium = "medium"
    high = "high"
    critical = "critical"


class Basis(BaseModel):
    event_name: str = Field(..., min_length=1, max_length=100)
    category: Category = Category.user_action
    priority: Priority = Priority.medium
    properties: Optional[Dict[str, Any]] = None
    timestamp: Optional[datetime] = None


# The fields that are a string or null, as the service has them.
Event = create_model("Event", __base__=Basis, **{name: (Optional[str], None) for name in STRING_FIELDS})


class Batch(BaseModel):
    events: List[Event] = Field(..., min_items=1, max_items=100)
    client_id: Optional[str] = None


class Tracked(BaseModel):
    success: bool
    event_id: str
    message: str
    timestamp: datetime


class BatchTracked(BaseModel):
    success: bool
    events_received: int
    events_queued: int
    events_failed: int
    message: str
    timestamp: datetime


class Buffer:
    """Events that wait in memory for the next flush."""

    def __init__(self) -> None:
        self.pending: List[Dict[str, Any]] = []
        self.flushed_total = 0

    def add(self, event: Event, subject: str, client_id: Optional[str], now: datetime) -> str:
        event_id = str(uuid4())
        row = event.dict()
        row.update(event_id=event_id, subject=subject, client_id=client_id, received_at=now)
        row["timestamp"] = row["timestamp"] or now
        self.pending.append(row)
        return event_id

    async def flush(self) -> None:
        rows, self.pending = self.pending, []
        await asyncio.get_running_loop().run_in_executor(None, write, rows)
        self.flushed_total += len(rows)

    async def flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_INTERVAL_SECONDS)
            await self.flush()


def write(rows: List[Dict[str, Any]]) -> None:
    with open(EVENTS_PATH, "a", encoding="utf-8") as file:
        file.writelines(json.dumps(row, default=str) + "\n" for row in rows)


app = FastAPI()
buffer = Buffer()
bearer = HTTPBearer()


async def subject_of(credentials: HTTPAuthorizationCredentials = Depends(bearer)) -> str:
    try:
        claims = jwt.decode(credentials.credentials, JWT_SECRET, algorithms=["HS256"], options={"require": ["exp"]})
    except jwt.InvalidTokenError as error:
        raise HTTPException(401, "Invalid token", {"WWW-Authenticate": "Bearer"}) from error
    return claims.get("sub", "")


@app.on_event("startup")
async def start() -> None:
    app.state.flushing = asyncio.create_task(buffer.flush_forever())


@app.on_event("shutdown")
async def stop() -> None:
    app.state.flushing.cancel()
    await buffer.flush()


@app.post("/api/v1/analytics", response_model=Tracked)
async def track_event(event: Event, subject: str = Depends(subject_of)) -> Tracked:
    now = datetime.now(timezone.utc)
    event_id = buffer.add(event, subject, None, now)
    return Tracked(success=True, event_id=event_id, message="Event tracked", timestamp=now)


@app.post("/api/v1/analytics/batch", response_model=BatchTracked)
async def track_batch(batch: Batch, subject: str = Depends(subject_of)) -> BatchTracked:
    now = datetime.now(timezone.utc)
    for event in batch.events:
        buffer.add(event, subject, batch.client_id, now)
    count = len(batch.events)
    return BatchTracked(
        success=True, events_received=count, events_queued=count, events_failed=0, message="Batch tracked", timestamp=now
    )
