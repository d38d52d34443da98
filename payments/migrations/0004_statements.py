import django.contrib.postgres.fields
import django.db.models.deletion
import ecommerce.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0004_payment_notices'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReconciliationDifference',
            fields=[
                ('id', models.UUIDField(default=ecommerce.models.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('outcome', models.CharField(choices=[('missing', 'Missing'), ('extra', 'Extra'), ('differing', 'Differing')], max_length=10)),
                ('receipt_number', models.CharField(blank=True, max_length=64)),
                ('provider_amount', models.DecimalField(decimal_places=2, max_digits=12, null=True)),
                ('our_amount', models.DecimalField(decimal_places=2, max_digits=12, null=True)),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(blank=True, max_length=80)),
                ('reference', models.CharField(blank=True, max_length=64)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.RemoveIndex(
            model_name='statementline',
            name='statement_line_open',
        ),
        migrations.AddField(
            model_name='statement',
            name='covers',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=10), blank=True, default=list, size=None),
        ),
        migrations.AddField(
            model_name='statementline',
            name='handled_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='statementline',
            name='nature',
            field=models.CharField(choices=[('payment', 'Payment'), ('out', 'Out'), ('fee', 'Fee'), ('own', 'Own')], default='payment', max_length=10),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name='statementline',
            index=models.Index(condition=models.Q(('handled_at__isnull', True)), fields=['statement'], name='statement_line_unhandled'),
        ),
        migrations.AddField(
            model_name='reconciliationdifference',
            name='payout',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='payments.payout'),
        ),
        migrations.AddField(
            model_name='reconciliationdifference',
            name='received',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='payments.receivedmoney'),
        ),
        migrations.AddField(
            model_name='reconciliationdifference',
            name='reconciliation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='differences', to='payments.reconciliation'),
        ),
        migrations.AddField(
            model_name='reconciliationdifference',
            name='refund',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='payments.refund'),
        ),
    ]
