import uuid

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions "
                        "without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "public_id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, unique=True, verbose_name="public id"
                    ),
                ),
                ("email", models.EmailField(max_length=254, verbose_name="e-mail address")),
                ("language", models.CharField(max_length=12, verbose_name="language of our e-mails")),
                ("is_active", models.BooleanField(default=True, verbose_name="may sign in")),
                (
                    "joined_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="joined"
                    ),
                ),
            ],
            options={
                "verbose_name": "person",
                "verbose_name_plural": "people",
                "indexes": [models.Index(fields=["email"], name="user_email")],
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("email"),
                        name="user_email_unique_ignoring_case",
                        violation_error_message="There is an account with this e-mail address already.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RoleMembership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("claimant", "Claimant"),
                            ("representative", "Representative"),
                            ("intake_officer", "Intake officer"),
                            ("reviewer", "Reviewer"),
                            ("senior_reviewer", "Senior reviewer"),
                            ("executive_director", "Executive director"),
                            ("board_member", "Board member"),
                            ("board_secretary", "Board secretary"),
                            ("register_manager", "Register manager"),
                            ("data_protection_officer", "Data-protection officer"),
                            ("translator", "Translator"),
                            ("support_agent", "Support agent"),
                            ("auditor", "Auditor"),
                        ],
                        max_length=32,
                        verbose_name="role",
                    ),
                ),
                (
                    "granted_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="granted"
                    ),
                ),
                (
                    "granted_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="granted by",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
            ],
            options={
                "verbose_name": "role held",
                "verbose_name_plural": "roles held",
                "constraints": [
                    models.UniqueConstraint(fields=("user", "role"), name="role_held_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "role__in",
                                [
                                    "auditor",
                                    "board_member",
                                    "board_secretary",
                                    "data_protection_officer",
                                    "executive_director",
                                    "intake_officer",
                                    "register_manager",
                                    "reviewer",
                                    "senior_reviewer",
                                    "support_agent",
                                    "translator",
                                ],
                            )
                        ),
                        name="role_can_be_granted",
                    ),
                ],
            },
        ),
    ]
