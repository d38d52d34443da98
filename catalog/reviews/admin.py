"""Reviews, as shop staff moderate them: shown, published, taken down, answered; never rewritten."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from unfold.widgets import UnfoldAdminTextareaWidget

from catalog.reviews import services
from catalog.reviews.models import Review
from ecommerce.admin_base import (
    EMPTY,
    WAITING,
    ReadOnlyAdmin,
    Waiting,
    badge,
    column,
    detail_action,
    link_to,
    preformatted,
    run_service,
)

_LOOKS = {
    Review.Status.PUBLISHED: "success",
    Review.Status.HIDDEN: "danger",
    Review.Status.PENDING_MODERATION: "warning",
}

WAITING.append(
    Waiting(
        "Reviews to look at",
        "reviews",
        Review.objects.filter(status=Review.Status.PENDING_MODERATION),
        "status__exact=pending_moderation",
    )
)


class ReplyForm(forms.Form):
    reply = forms.CharField(
        max_length=2000, widget=UnfoldAdminTextareaWidget(), help_text="Everybody who reads the review reads it."
    )


class ReviewAdmin(ReadOnlyAdmin):
    list_display = ("title_or_text", "rating", "product_name", "author", "state", "created_at")
    list_filter = ("status", "rating", "created_at")
    search_fields = ("product__product_name", "user__email", "title", "body")
    search_help_text = "Product, author's e-mail or text"
    ordering = ("-created_at", "-id")
    actions = ("show_selected", "hide_selected")
    actions_detail = ("show", "hide", "answer", "take_reply_back")
    fields = (
        ("product_link", "author", "rating"),
        "title",
        "text",
        ("state", "moderated_at", "moderated_by"),
        "answer_text",
        ("replied_at", "replied_by"),
        ("created_at", "updated_at", "order_item_id"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        shown = ("product__product_name", "user__email", "user__username")
        own = [field.name for field in Review._meta.concrete_fields]
        reviews: QuerySet[Review] = super().get_queryset(request).select_related("product", "user").only(*own, *shown)
        return reviews

    def offers(self, name: str, obj: Review) -> bool:
        published = obj.status == Review.Status.PUBLISHED
        return {
            "show": not published,
            "hide": obj.status != Review.Status.HIDDEN,
            "answer": published,
            "take_reply_back": bool(obj.reply),
        }[name]

    @detail_action("Publish", icon="visibility")
    def show(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._moderated(request, object_id, shown=True, title="Publish", question="Everybody reads it.")

    @detail_action("Take down", icon="visibility_off", danger=True)
    def hide(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "It is seen by its author alone, and counts no longer in the product's rating."
        return self._moderated(request, object_id, shown=False, title="Take down", question=question)

    @detail_action("Reply", icon="reply")
    def answer(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(review: Review, data: dict[str, Any]) -> str:
            services.reply_to_review(review.pk, text=data["reply"], actor=request.user)  # type: ignore[arg-type]
            return "Replied."

        return self.confirmed(request, object_id, do, title="Reply", form_class=ReplyForm)

    @detail_action("Take reply back", icon="undo")
    def take_reply_back(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(review: Review, _: dict[str, Any]) -> str:
            services.remove_reply(review.pk)
            return "The reply is gone."

        return self.confirmed(request, object_id, do, title="Take reply back")

    @admin.action(description="Publish selected reviews", permissions=["act"])
    def show_selected(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        self._moderate_all(request, queryset, shown=True)

    @admin.action(description="Take selected reviews down", permissions=["act"])
    def hide_selected(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        self._moderate_all(request, queryset, shown=False)

    def _moderated(self, request: HttpRequest, object_id: str, *, shown: bool, **words: str) -> HttpResponseBase:
        def do(review: Review, _: dict[str, Any]) -> str:
            return self._moderate(request, review, shown=shown)

        return self.confirmed(
            request, object_id, do, danger=not shown, title=words["title"], question=words["question"]
        )

    def _moderate_all(self, request: HttpRequest, queryset: QuerySet[Review], *, shown: bool) -> None:
        done = 0
        for review in queryset:
            answer = run_service(request, partial(self._moderate, request, review, shown=shown))
            if answer is not None:
                self.log_change(request, review, answer)
                done += 1
        messages.success(request, f"{done} {'published' if shown else 'taken down'}.")

    def _moderate(self, request: HttpRequest, review: Review, *, shown: bool) -> str:
        services.moderate_review(review.pk, shown=shown, actor=request.user)  # type: ignore[arg-type]
        return "Published." if shown else "Taken down."

    @column("Review", ordering="title")
    def title_or_text(self, review: Review) -> str:
        return review.title or review.body[:60] or EMPTY

    @column("Product", ordering="product__product_name")
    def product_name(self, review: Review) -> str:
        return review.product.product_name

    @column("Product")
    def product_link(self, review: Review) -> str:
        return link_to(review.product)

    @column("Author", ordering="user__email")
    def author(self, review: Review) -> str:
        return str(review.user)

    @column("State", ordering="status")
    def state(self, review: Review) -> str:
        return badge(review.get_status_display(), _LOOKS[Review.Status(review.status)])

    @column("Text")
    def text(self, review: Review) -> str:
        return preformatted(review.body) if review.body else EMPTY

    @column("Reply")
    def answer_text(self, review: Review) -> str:
        return preformatted(review.reply) if review.reply else EMPTY
