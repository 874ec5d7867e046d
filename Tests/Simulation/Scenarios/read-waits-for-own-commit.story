0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node1
2.100 client0 write r0 before
      committed to 6
      client0 writes r0: done
3.000 drop probe node1->any
3.000 drop heartbeat node1->any
3.000 client0 write r0 A
      committed to 7
      client0 writes r0: done
3.150 crash node1
      node1 is down
3.150 candidates node2
3.150 drop append node2->node3 for 3s
3.200 client1 at node2
      node2 campaigns in term 3
      node2 leads in term 3
5.000 client1 read r0
      committed to 8
      client1 reads r0: A
9.000 restart node1
      node1 starts, boot 2
      committed to 9
       the faults stop for node1 node2 node3
       committed to 13
       held
